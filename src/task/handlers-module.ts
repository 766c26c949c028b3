// Owns loading a user's handlers module: the tasks that it exports, each checked, none twice.
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import { defineTask, type TaskSpec } from './define-task.ts';

const EXTENSIONS = ['.mjs', '.js', '.ts', '.mts'];
const SHAPE = 'export const tasks = [defineTask({type, input, run}), …], a map of them, or a list as default export';

/** The task types of a module given by its absolute path. It is executed: the caller has made sure that it is trusted. */
export async function loadHandlersModule(path: string): Promise<readonly TaskType[]> {
  if (!EXTENSIONS.includes(extname(path))) throw moduleError(path, `its name does not end in ${EXTENSIONS.join(', ')}`);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new LogisticsError('not_found', `The handlers module ${path} does not exist.`, {
      path: 'handlers',
      nextActions: ['Correct handlers in the config file.'],
    });
  }
  if (!found.isFile()) throw moduleError(path, 'it is not a regular file');
  let loaded: Readonly<Record<string, unknown>>;
  try {
    loaded = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as typeof loaded;
  } catch (cause) {
    throw moduleError(path, `it failed while it was loaded: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  return checkTasks(path, exportedTasks(path, loaded));
}

function exportedTasks(path: string, loaded: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  const { tasks, default: fallback } = loaded;
  if (Array.isArray(tasks)) return tasks.map((task, i) => [`tasks[${i}]`, task] as const);
  if (typeof tasks === 'object' && tasks !== null) return Object.entries(tasks).map(([name, task]) => [`tasks.${name}`, task] as const);
  if (tasks !== undefined) throw moduleError(path, 'its export tasks is neither a list nor a map');
  if (Array.isArray(fallback)) return fallback.map((task, i) => [`default[${i}]`, task] as const);
  throw moduleError(path, 'it exports no tasks');
}

/** All faults of all tasks at once. */
function checkTasks(path: string, entries: readonly (readonly [string, unknown])[]): TaskType[] {
  const tasks = new Map<string, TaskType>();
  const faults: string[] = [];
  for (const [place, entry] of entries) {
    try {
      // Also what defineTask made passes through it again: the module may use another version of this package, or none.
      const task = defineTask(entry as TaskSpec<TaskType['input'], TaskType['input']>);
      if (tasks.has(task.type)) faults.push(`${place}: the task type ${task.type} is there twice`);
      tasks.set(task.type, task);
    } catch (error) {
      if (!(error instanceof LogisticsError)) throw error;
      faults.push(`${place}: ${error.message.replace(/\.$/, '')}`);
    }
  }
  if (faults.length > 0) throw moduleError(path, faults.join('; '));
  return [...tasks.values()];
}

function moduleError(path: string, fault: string, cause?: unknown): LogisticsError {
  return new LogisticsError('invalid_input', `The handlers module ${path} cannot be used: ${fault}.`, {
    path: 'handlers',
    expected: SHAPE,
    nextActions: ['Correct the module, or remove handlers from the config file.'],
    ...(cause === undefined ? {} : { cause }),
  });
}
