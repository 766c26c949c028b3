// Owns `run`: starts a workflow, works on it in this process, shows it until it ends, and says what came out.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { isTerminal } from '../../domain/workflow-execution.ts';
import { LOCAL_HUMAN } from '../../orchestration/caller.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import type { StartRequest } from '../../orchestration/workflow-manager.ts';
import type { WaitEnd } from '../../runtime/waiters.ts';
import { type CommandContext, EXIT, examples, exitCodeOf, type Invoke } from '../command-context.ts';
import { type DefinitionRef, fileFaults, requireStored, resolveDefinition } from '../definition-ref.ts';
import { parseDurationFlag, readInput } from '../input-flags.ts';
import { interruptible } from '../interrupt.ts';
import { withEngine } from '../open.ts';
import { runEndLines } from '../render/run-end.ts';
import { showProgress } from '../show-progress.ts';

interface RunFlags {
  readonly input?: readonly string[];
  readonly inputFile?: string;
  readonly priority?: string;
  readonly detach?: boolean;
  readonly timeout?: string;
}

const FOREVER = 2 ** 31 - 1;

export function addRun(program: Command, invoke: Invoke): void {
  program
    .command('run')
    .argument('<file|name>', 'a definition in YAML or JSON, or the name of a stored workflow')
    .description('run a workflow here and watch it')
    .option('--input <k=v...>', 'input values; numbers, true, lists and objects as JSON')
    .option('--input-file <file>', 'input as a JSON or YAML object')
    .option('--priority <0-100>', 'or critical, high, normal, low, background')
    .option('--timeout <duration>', 'cancel the run when it takes longer, for example 10m')
    .option('--detach', 'on Ctrl-C and timeout leave the run to other processes instead of cancelling it')
    .addHelpText(
      'after',
      examples('logistics-mcp run release-notes.yaml --input repo=acme/site days=7', 'logistics-mcp run nightly --input-file input.json --json'),
    )
    .addHelpText('after', '\nExit codes: 0 completed, 1 failed, 2 bad input, 130 cancelled.')
    .action((ref: string, flags: RunFlags, command: Command) => invoke(command, (context) => run(context, ref, flags)));
}

async function run(context: CommandContext, text: string, flags: RunFlags): Promise<number> {
  const timeoutMs = parseDurationFlag(flags.timeout, '--timeout') ?? FOREVER;
  const ref = await resolveDefinition(text, context.io.context.cwd);
  if (ref.kind === 'file' && ref.faults.length > 0) throw fileFaults(ref.file, ref.faults);
  const detach = flags.detach === true;
  const { io, out } = context;
  let notice = '';
  const told = (): void => {
    if (out.json || detach) return;
    notice = 'Cancelling; Ctrl-C again ends this process at once.';
    if (!out.isTerminal) out.note(notice);
  };
  return withEngine(context, 'worker', ({ engine }) =>
    // Listened for before anything starts: a Ctrl-C in between must find the run, too.
    interruptible(io, told, async (signal) => {
      const id = await start(engine, text, ref, context, flags);
      const end = await follow(engine, id, context, { timeoutMs, detach, signal, notice: () => notice });
      return report(engine, id, context, end);
    }),
  );
}

async function start(engine: OrchestrationEngine, text: string, ref: DefinitionRef, context: CommandContext, flags: RunFlags): Promise<string> {
  const { workflows } = engine;
  const request: StartRequest = ref.kind === 'name' ? { name: ref.name } : { definition: ref.value };
  const { definition, faults } = ref.kind === 'name' ? { ...requireStored(engine, ref.name), faults: [] } : workflows.check(ref.value);
  if (definition === null) throw fileFaults(text, faults);
  const input = await readInput(flags.input, flags.inputFile, definition.input, context.io.context.cwd);
  const started = await workflows.start({ ...request, input, ...(await priorityOf(flags.priority)) }, LOCAL_HUMAN);
  for (const warning of started.warnings) context.out.warn(`${warning.path}: ${warning.message}`);
  return started.executionId;
}

async function priorityOf(text: string | undefined): Promise<{ readonly priority?: number }> {
  if (text === undefined) return {};
  const { Priority } = await import('../../domain/priority.ts');
  const parsed = Priority.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (parsed.success) return { priority: parsed.data };
  throw new LogisticsError('invalid_input', `${JSON.stringify(text)} is no priority.`, {
    path: '--priority',
    expected: '0 to 100, or critical, high, normal, low, background',
  });
}

interface FollowOptions {
  readonly timeoutMs: number;
  readonly detach: boolean;
  readonly signal: AbortSignal;
  /** Stands below what is drawn. */
  readonly notice: () => string;
}

/** Shows the run until it ends; what ends the command early cancels it, or leaves it when it is detached. */
async function follow(
  engine: OrchestrationEngine,
  id: string,
  { io, out }: CommandContext,
  { timeoutMs, detach, signal, notice }: FollowOptions,
): Promise<WaitEnd> {
  const showing = await showProgress(engine, id, io, out, notice);
  const end = await engine.wait({ ids: [id], timeoutMs, signal });
  if (end !== 'met' && !detach) {
    const reason = end === 'timeout' ? 'It ran longer than --timeout.' : 'Cancelled with Ctrl-C.';
    if (!isTerminal(engine.backend.getExecution(id)?.status ?? 'cancelled')) await engine.tasks.cancel(id, reason, LOCAL_HUMAN);
    await engine.wait({ ids: [id], timeoutMs: FOREVER });
  }
  showing.end();
  return end;
}

function report(engine: OrchestrationEngine, id: string, { out }: CommandContext, end: WaitEnd): number {
  const execution = engine.backend.getExecution(id);
  if (execution === null) throw new LogisticsError('not_found', `The execution ${id} is gone.`);
  const ended = isTerminal(execution.status);
  const output = ended ? (engine.backend.getOutput({ executionId: id, stepId: null }) ?? null) : null;
  const artifacts = engine.backend.listArtifacts({ executionId: id });
  out.data({
    execution_id: id,
    workflow: execution.workflow,
    version: execution.version,
    status: execution.status,
    output,
    error: execution.error,
    duration_ms: (execution.endedAt ?? engine.now) - execution.createdAt,
    artifacts: artifacts.map((each) => ({ id: each.id, name: each.name, media_type: each.mediaType, bytes: each.bytes, sha256: each.sha256 })),
  });
  if (!ended) {
    out.print(['', `Left ${id} ${execution.status}; it goes on when a process runs on this store.`, `  ${out.colors.dim('→')} logistics-mcp watch ${id}`]);
    return end === 'timeout' ? EXIT.failed : EXIT.interrupted;
  }
  out.print(['', ...runEndLines(execution, output, artifacts, out.colors)]);
  return end === 'timeout' && execution.status !== 'completed' ? EXIT.failed : exitCodeOf(execution.status);
}
