// Owns which task types this process knows: one type per name, aliases that lead somewhere, and what each needs to run.
import type { TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { COMMAND_TASK, DELIVER_TASK } from '../domain/outlet.ts';
import type { Plan } from '../domain/plan.ts';
import { handlerCapability, type TaskVersion, type TaskVersions, versionFault } from '../domain/task-versions.ts';
import { AGENT_CAPABILITY } from '../domain/worker-agent.ts';
import { WAITING_TASKS } from '../domain/workflow-step.ts';
import { TASK_TYPE_PATTERN } from './define-task.ts';

export interface TaskRegistryOptions {
  readonly builtIns: readonly TaskType[];
  /** What this process offers beside its task types, such as `shell@default` or `mcp:github`. */
  readonly capabilities?: readonly string[] | undefined;
  /** A handlers module that does not act because nobody has trusted its config file. */
  readonly untrustedFile?: string | undefined;
}

export class TaskRegistry {
  readonly #builtIns = new Map<string, TaskType>();
  /** Jobs of these are made by the program itself; nobody can ask for one. */
  readonly #internal = new Map<string, TaskType>();
  /** The versions of each type, newest first. */
  readonly #own = new Map<string, readonly TaskType[]>();
  readonly #offered: readonly string[];
  readonly #untrustedFile: string | undefined;
  #aliases: ReadonlyMap<string, string> = new Map();

  constructor({ builtIns, capabilities = [], untrustedFile }: TaskRegistryOptions) {
    for (const type of builtIns) (type.internal === true ? this.#internal : this.#builtIns).set(type.type, type);
    this.#offered = capabilities;
    this.#untrustedFile = untrustedFile;
  }

  /** Adds a user's task type. Throws conflict when the name is taken, by a built-in type too. */
  register(type: TaskType): void {
    const taken =
      this.#builtIns.has(type.type) || isReserved(type.type)
        ? 'a built-in type'
        : this.#own.get(type.type)?.some(({ version }) => version === type.version) === true
          ? `version ${type.version} of another task type`
          : this.#aliases.has(type.type)
            ? 'an alias'
            : undefined;
    if (taken !== undefined) {
      throw new LogisticsError('conflict', `The task type ${type.type} cannot be registered: ${taken} has this name.`, {
        path: 'type',
        nextActions: ['Choose another name.'],
      });
    }
    if (!TASK_TYPE_PATTERN.test(type.type)) {
      throw new LogisticsError('invalid_input', `The task type ${JSON.stringify(type.type)} has no usable name.`, {
        path: 'type',
        expected: 'a name such as send_mail or mail.send',
      });
    }
    this.#own.set(
      type.type,
      [...(this.#own.get(type.type) ?? []), type].sort((a, b) => b.version - a.version),
    );
  }

  /** Sets all aliases, after the types are registered. Throws invalid_input that lists every alias that would not act. */
  setAliases(aliases: Readonly<Record<string, string>>): void {
    const faults: { path: string; message: string; nearMatches: string[] }[] = [];
    for (const [alias, target] of Object.entries(aliases)) {
      const path = `taskAliases[${JSON.stringify(alias)}]`;
      if (this.#knows(alias)) faults.push({ path, message: `the task type ${alias} exists, so the alias would never act`, nearMatches: [] });
      // A type of a handlers module that is not trusted may well exist; its absence is then said when it is used.
      else if (!this.#knows(target) && this.#untrustedFile === undefined) {
        faults.push({ path, message: `there is no task type ${target}`, nearMatches: nearMatches(target, this.names()) });
      }
    }
    const [first] = faults;
    if (first !== undefined) {
      throw new LogisticsError('invalid_input', `The task aliases cannot be used: ${faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}.`, {
        path: first.path,
        nearMatches: first.nearMatches,
        nextActions: ['Correct taskAliases in the config file.'],
        details: { faults },
      });
    }
    this.#aliases = new Map(Object.entries(aliases));
  }

  /** The name behind an alias, or the name itself. */
  nameOf(name: string): string {
    return this.#aliases.get(name) ?? name;
  }

  /** The type of this name or alias; undefined also for the waiting tasks, which are no work of a process. */
  get(name: string): TaskType | undefined {
    const type = this.nameOf(name);
    return this.#builtIns.get(type) ?? this.#own.get(type)?.[0];
  }

  /** As get, but throws unknown_task_type with near matches, not_available, or untrusted_config. */
  require(name: string): TaskType {
    const found = this.get(name);
    if (found !== undefined) return found;
    const type = this.nameOf(name);
    if ((WAITING_TASKS as readonly string[]).includes(type)) {
      throw new LogisticsError('invalid_input', `${type} is a step of a workflow; it cannot be run as a job.`, {
        path: 'task',
        nextActions: ['Use it as a step, or choose another task type.'],
      });
    }
    const near = nearMatches(type, [...this.names(), ...this.#aliases.keys()]);
    const trust =
      this.#untrustedFile === undefined ? [] : [`Review ${this.#untrustedFile}, then run: logistics-mcp trust ${JSON.stringify(this.#untrustedFile)}`];
    // A near match makes a slip of the pen more likely than a type that is missing for want of trust.
    if (this.#untrustedFile !== undefined && near.length === 0) {
      throw new LogisticsError(
        'untrusted_config',
        `There is no task type ${type}; the handlers module that may define it is not loaded, because ${this.#untrustedFile} is not trusted.`,
        {
          path: 'task',
          nextActions: trust,
        },
      );
    }
    const behind = type === name ? '' : ` (behind the alias ${name})`;
    throw new LogisticsError('unknown_task_type', `There is no task type ${type}${behind}.`, {
      path: 'task',
      expected: `one of ${this.names().join(', ')}`,
      nearMatches: near,
      nextActions: [near[0] === undefined ? 'Use a built-in task type, or register one in a handlers module.' : `Did you mean ${near[0]}?`, ...trust],
    });
  }

  /** What runs a job: the program's own types too, and of a step whose run began with a version that one; throws version_changed where the policy of the type says so. */
  requireFor(name: string, began: TaskVersion | null): TaskType {
    const newest = this.#internal.get(name) ?? this.require(name);
    if (began === null) return newest;
    const pinned = began.policy === 'pin' ? this.#own.get(newest.type)?.find(({ version }) => version === began.version) : undefined;
    const fault = pinned === undefined ? versionFault(newest.type, began, newest.version) : null;
    if (fault !== null) throw fault;
    return pinned ?? newest;
  }

  /** The newest version of a user's type. */
  versionOf(name: string): number | undefined {
    return this.#own.get(this.nameOf(name))?.[0]?.version;
  }

  /** Versions and policies of the users' types in a plan; null when it has none. */
  versionsIn({ nodes }: Pick<Plan, 'nodes'>): TaskVersions | null {
    const versions: Record<string, TaskVersion> = {};
    for (const { step } of nodes) {
      const newest = this.#own.get(step.task)?.[0];
      if (newest !== undefined) versions[step.task] = { version: newest.version, policy: newest.onVersionChange ?? 'continue' };
    }
    return Object.keys(versions).length === 0 ? null : versions;
  }

  /** All types that do work, built-in ones first, each group by name. */
  list(): readonly TaskType[] {
    const byName = (a: TaskType, b: TaskType): number => (a.type < b.type ? -1 : 1);
    return [...[...this.#builtIns.values()].sort(byName), ...[...this.#own.values()].flatMap(([newest]) => newest ?? []).sort(byName)];
  }

  /** Names that a step may use, waiting tasks included, without aliases. */
  names(): readonly string[] {
    return [...this.#builtIns.keys(), ...WAITING_TASKS, ...this.#own.keys()].sort();
  }

  /** The capability that a process must offer for this unrendered input; undefined = any process. Unknown types count as a user's: another process may have them. */
  capabilityOf(name: string, input: JsonObject): string | undefined {
    const type = this.nameOf(name);
    const builtIn = this.#builtIns.get(type);
    if (builtIn !== undefined) return builtIn.capability?.(input);
    return (WAITING_TASKS as readonly string[]).includes(type) ? undefined : handlerCapability(type);
  }

  /** What this process offers, sorted; never what only a worker agent does. */
  capabilities(): readonly string[] {
    const offered = new Set(this.#offered);
    for (const [type, versions] of this.#own) {
      offered.add(handlerCapability(type));
      // One name is enough as long as nobody waits for a version of its own.
      const single = versions.length === 1 && versions[0]?.onVersionChange !== 'pin';
      if (!single) for (const { version } of versions) offered.add(handlerCapability(type, version));
    }
    offered.delete(AGENT_CAPABILITY);
    return [...offered].sort();
  }

  #knows(name: string): boolean {
    return this.#builtIns.has(name) || this.#own.has(name) || (WAITING_TASKS as readonly string[]).includes(name);
  }
}

function isReserved(name: string): boolean {
  return ([...WAITING_TASKS, AGENT_CAPABILITY, DELIVER_TASK, COMMAND_TASK] as readonly string[]).includes(name);
}
