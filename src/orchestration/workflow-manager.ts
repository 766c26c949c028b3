// Owns the immutability of workflow versions: what is checked is what is hashed, stored, pinned and run.
import { z } from 'zod';
import { definitionError } from '../domain/definition-faults.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { type IdSource, kindOfId } from '../domain/id.ts';
import { JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Plan } from '../domain/plan.ts';
import { DEFAULT_PRIORITY, Priority } from '../domain/priority.ts';
import type { Decide } from '../domain/transition.ts';
import type { DefinitionFault, StoredDefinition, WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { ExecutionStatus } from '../domain/workflow-execution.ts';
import type { CurrentWork } from '../runtime/current-work.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { Backend } from '../store/backend.ts';
import type { Receipt } from '../store/port/common.ts';
import { jsonBytes } from '../task/storable.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import { type Caller, traceOf } from './caller.ts';
import { type CheckResult, DefinitionChecker } from './definition-checker.ts';
import { checkInput } from './input-schema.ts';
import { poolFaults } from './resource-faults.ts';
import type { ToolCatalog } from './tool-catalog.ts';

export interface WorkflowManagerOptions {
  readonly backend: Backend;
  readonly evaluator: Evaluator;
  readonly registry: TaskRegistry;
  readonly taskAliases: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly decide: Decide;
  readonly compile: (definition: WorkflowDefinition, hash: string) => Plan;
  readonly currentWork: CurrentWork;
  /** null where nothing is traced. */
  readonly tracing: Tracing | null;
  /** Knows the tools of other MCP servers; absent where none is configured. */
  readonly tools?: ToolCatalog | undefined;
}

export interface StartRequest {
  /** A stored workflow's name, or … */
  readonly name?: string | undefined;
  readonly version?: number | undefined;
  /** … a definition: text, object, or defineWorkflow(). */
  readonly definition?: unknown;
  readonly input?: JsonObject | undefined;
  readonly sessionId?: string | null | undefined;
  readonly priority?: number | undefined;
  readonly receipt?: Receipt | undefined;
  readonly forkedFrom?: { readonly executionId: string; readonly stepIndex: number } | undefined;
  /** A hash that is stored already; wins over name and definition (restart, fork). */
  readonly pinned?: { readonly hash: string; readonly workflow: string; readonly version: number } | undefined;
}

export interface Started {
  readonly executionId: string;
  readonly status: ExecutionStatus;
  readonly replayed: boolean;
  readonly warnings: readonly DefinitionFault[];
}

const MAX_INPUT_BYTES = 1_048_576;

/** What is checked of a request beside the definition; TypeScript's word does not bind callers from other languages. */
const StartFields = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  version: z.int().min(1).optional(),
  input: JsonObject.optional(),
  sessionId: z.string().nullable().optional(),
  priority: Priority.optional(),
});

function fieldsOf({ name, version, input, sessionId, priority }: StartRequest): unknown {
  return { name, version, input, sessionId, priority };
}

interface Resolved {
  readonly workflow: string;
  readonly version: number;
  readonly hash: string;
  readonly plan: Plan;
  readonly warnings: readonly DefinitionFault[];
}

export class WorkflowManager {
  readonly #o: WorkflowManagerOptions;
  readonly #checker: DefinitionChecker;

  constructor(options: WorkflowManagerOptions) {
    this.#o = options;
    this.#checker = new DefinitionChecker({ ...options, names: () => this.names() });
  }

  /** Reads and checks a definition; faults are data, nothing is stored. Other servers are not asked: see checkReachable. */
  check(raw: unknown, defaultName?: string): CheckResult {
    return this.#checker.check(raw, defaultName);
  }

  /** As check, and asks the MCP servers that its steps name for their tools, within a second. */
  checkReachable(raw: unknown, defaultName?: string): Promise<CheckResult> {
    return this.#checker.checkReachable(raw, defaultName);
  }

  /** Stores a version; the same hash again is the same version. Throws WorkflowValidationError with all faults. */
  async create(
    raw: unknown,
    receipt?: Receipt,
    defaultName?: string,
  ): Promise<{ readonly stored: StoredDefinition; readonly created: boolean; readonly replayed: boolean; readonly warnings: readonly DefinitionFault[] }> {
    const checked = await this.checkReachable(raw, defaultName);
    if (checked.definition === null || checked.hash === null) throw definitionError(checked.faults);
    const result = await this.#o.backend.putDefinition({
      id: this.#o.newId('workflow'),
      namespace: this.#o.namespace,
      definition: checked.definition,
      hash: checked.hash,
      version: checked.version,
      listed: true,
      receipt,
    });
    if (result.kind === 'conflict') throw new LogisticsError(result.error.code, result.error.message, result.error);
    return { stored: result.stored, created: result.created, replayed: result.replayed, warnings: checked.warnings };
  }

  /** Names of the stored workflows, at most about 2,000. */
  names(): readonly string[] {
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page: ReturnType<Backend['listDefinitions']> = this.#o.backend.listDefinitions({ filter: { namespace: this.#o.namespace }, limit: 500, cursor });
      names.push(...page.items.map((item) => item.name));
      cursor = page.nextCursor;
    } while (cursor !== null && names.length < 2_000);
    return names;
  }

  /** A stored workflow by id or name (its newest version unless one is asked for), or null. */
  find(name: string, version?: number): StoredDefinition | null {
    const { backend, namespace } = this.#o;
    return kindOfId(name) === 'workflow' ? backend.definitionById(name) : backend.findDefinition({ namespace, name, version });
  }

  /** As find, but throws not_found with near matches. */
  require(name: string, version?: number): StoredDefinition {
    const found = this.find(name, version);
    if (found !== null) return found;
    const known = this.names();
    throw new LogisticsError('not_found', version === undefined ? `There is no workflow ${name}.` : `There is no version ${version} of the workflow ${name}.`, {
      path: 'name',
      nearMatches: nearMatches(name, known),
      nextActions: [
        known.length === 0
          ? 'Make one with create_workflow, or pass a definition inline.'
          : 'Use list with kind workflows to see all, or pass a definition inline.',
      ],
    });
  }

  /** The plan that a start would run, without starting or storing anything; checks the input too. */
  async preview(request: StartRequest): Promise<{ readonly plan: Plan; readonly input: JsonObject; readonly warnings: readonly DefinitionFault[] }> {
    const { input = {} } = parseInput(StartFields, fieldsOf(request), 'The request is wrong');
    const resolved = await this.#resolve(request, false);
    return { plan: resolved.plan, input: this.#checkedInput(resolved, input), warnings: resolved.warnings };
  }

  /** As preview, where the input may still be missing: then it is null and not checked. */
  async outlook(request: StartRequest): Promise<{ readonly plan: Plan; readonly input: JsonObject | null }> {
    const { input } = parseInput(StartFields, fieldsOf(request), 'The request is wrong');
    const resolved = await this.#resolve(request, false);
    return { plan: resolved.plan, input: input === undefined ? null : this.#checkedInput(resolved, input) };
  }

  /** Starts an execution; it is durable when this resolves. */
  async start(request: StartRequest, caller: Caller): Promise<Started> {
    const { backend, newId, namespace, decide } = this.#o;
    const fields = parseInput(StartFields, fieldsOf(request), 'The workflow cannot be started');
    const resolved = await this.#resolve(request, true);
    const input = this.#checkedInput(resolved, fields.input ?? {});
    this.#requirePools(resolved);
    const concurrency = resolved.plan.definition.concurrency;
    const key = this.concurrencyKey(resolved.plan, input);
    const result = await backend.startExecution({
      id: newId('execution'),
      namespace,
      workflow: resolved.workflow,
      version: resolved.version,
      hash: resolved.hash,
      input,
      priority: fields.priority ?? DEFAULT_PRIORITY,
      sessionId: request.sessionId === undefined ? caller.sessionId : request.sessionId,
      startedBy: caller.principal,
      forkedFrom: request.forkedFrom ?? null,
      concurrency: concurrency === undefined || key === null ? null : { key, limit: concurrency.limit, onLimit: concurrency.onLimit },
      trace: traceOf(caller, this.#o.tracing),
      cause: caller.cause ?? this.#o.currentWork.cause,
      receipt: request.receipt,
      decide,
    });
    if (result.kind === 'conflict') throw new LogisticsError(result.error.code, result.error.message, result.error);
    return { executionId: result.executionId, status: result.status, replayed: result.replayed, warnings: resolved.warnings };
  }

  /** What can never be had would wait for ever: refused before anything exists. */
  #requirePools({ plan, workflow }: Resolved): void {
    const [fault] = poolFaults(this.#o.backend, this.#o.namespace, plan.definition);
    if (fault === undefined) return;
    throw new LogisticsError(fault.code, `${workflow} cannot run: ${fault.message}`, {
      path: fault.path,
      expected: fault.expected,
      nearMatches: fault.nearMatches,
      nextActions: ['Define the pool with define_pool or in the configuration, or correct the step.'],
    });
  }

  /** The rendered concurrency key of a run with this input, or null. */
  concurrencyKey(plan: Plan, input: JsonObject): string | null {
    return renderConcurrencyKey(this.#o.evaluator, plan, input);
  }

  async #resolve(request: StartRequest, store: boolean): Promise<Resolved> {
    const { backend, newId, namespace } = this.#o;
    if (request.pinned !== undefined) {
      return { ...request.pinned, plan: this.#plan(request.pinned.hash), warnings: [] };
    }
    if ((request.name === undefined) === (request.definition === undefined)) {
      throw new LogisticsError(
        'invalid_input',
        request.name === undefined ? 'Neither a name nor a definition is given.' : 'Both a name and a definition are given.',
        { path: 'name', expected: 'name of a stored workflow, or definition' },
      );
    }
    if (request.name !== undefined) {
      const stored = this.require(request.name, request.version);
      return { workflow: stored.name, version: stored.version, hash: stored.hash, plan: this.#plan(stored.hash), warnings: [] };
    }
    const checked = await this.checkReachable(request.definition);
    const { definition, hash } = checked;
    if (definition === null || hash === null) throw definitionError(checked.faults);
    if (!store) return { workflow: definition.name, version: 0, hash, plan: this.#o.compile(definition, hash), warnings: checked.warnings };
    const put = await backend.putDefinition({ id: newId('workflow'), namespace, definition, hash, listed: false });
    if (put.kind === 'conflict') throw new LogisticsError(put.error.code, put.error.message, put.error);
    return { workflow: put.stored.name, version: put.stored.version, hash: put.stored.hash, plan: this.#plan(put.stored.hash), warnings: checked.warnings };
  }

  #plan(hash: string): Plan {
    const plan = this.#o.backend.planOf(hash);
    if (plan === null) throw new LogisticsError('not_found', 'The definition of this workflow is no longer stored.');
    return plan;
  }

  #checkedInput(resolved: Resolved, input: JsonObject): JsonObject {
    const bytes = jsonBytes(input, 'input');
    if (bytes > MAX_INPUT_BYTES)
      throw new LogisticsError('limit_exceeded', `The input has ${bytes} bytes.`, { path: 'input', expected: `at most ${MAX_INPUT_BYTES}` });
    const checked = checkInput(resolved.hash, resolved.plan.definition.input, input);
    if (checked.faults.length === 0) return checked.input;
    const first = checked.faults[0] as DefinitionFault;
    throw new LogisticsError(
      'invalid_input',
      `The input of ${resolved.workflow} is wrong: ${checked.faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}`,
      {
        path: first.path,
        expected: JSON.stringify(resolved.plan.definition.input),
        nearMatches: first.nearMatches,
        details: { faults: checked.faults as never },
      },
    );
  }
}

/** Text of a workflow's concurrency key for an input; null when it has none. Throws when it cannot be rendered. */
export function renderConcurrencyKey(evaluator: Evaluator, plan: Plan, input: JsonObject): string | null {
  const concurrency = plan.definition.concurrency;
  if (concurrency === undefined) return null;
  const value = evaluator.render(concurrency.key, { values: { input } }, 'condition');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
