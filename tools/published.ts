// Owns tools made of stored workflows: named by the configuration, typed by the input schema of the newest version, run as execute_workflow runs them.
import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../src/domain/json.ts';
import { parseInput } from '../src/domain/parse-input.ts';
import type { StoredDefinition } from '../src/domain/workflow-definition.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import { executeWorkflowTool } from './execute-workflow.ts';
import type { ToolSpec } from './tool.ts';
import { shortText } from './wire/compact.ts';
import { AnyObject, IdempotencyKey, MAX_WAIT_MS, WaitMs } from './wire/fields.ts';

export interface PublishedWorkflow {
  readonly workflow: string;
  /** Name of the tool. */
  readonly tool: string;
  readonly description: string | null;
}

const DEFAULT_WAIT_MS = 20_000;
const HOW = 'Runs a stored workflow and gives its output; if that takes longer than wait_ms, the reply holds the execution_id for wait and get.';

/** How the call is made, beside the input of the workflow; a field of the workflow with such a name goes before. */
const CALL_FIELDS = { wait_ms: WaitMs, idempotency_key: IdempotencyKey };
const CALL_SCHEMAS: JsonObject = {
  wait_ms: { type: 'integer', minimum: 0, maximum: MAX_WAIT_MS, description: `Wait this long for the output; default ${DEFAULT_WAIT_MS}.` },
  idempotency_key: { type: 'string', minLength: 1, maxLength: 200, description: 'Same key and input again: the first run, replayed true.' },
};

/** The tools of a server: fixed ones, and one for each published workflow that is stored now. */
export class PublishedTools {
  readonly #fixed: readonly ToolSpec[];
  readonly #published: readonly PublishedWorkflow[];
  readonly #made = new Map<string, readonly ToolSpec[]>();

  constructor(fixed: readonly ToolSpec[], published: readonly PublishedWorkflow[]) {
    this.#fixed = fixed;
    this.#published = published;
  }

  /** Whether an event of the log may change the list. */
  isChangedBy(workflow: unknown): boolean {
    return this.#published.some((entry) => entry.workflow === workflow);
  }

  /** The same list for the same stored versions, since what is made of it is kept beside it. */
  of({ backend, namespace }: OrchestrationEngine): readonly ToolSpec[] {
    const found = this.#published.flatMap((entry): { entry: PublishedWorkflow; stored: StoredDefinition }[] => {
      const stored = backend.findDefinition({ namespace, name: entry.workflow });
      return stored === null ? [] : [{ entry, stored }];
    });
    const key = found.map(({ entry, stored }) => `${entry.tool} ${stored.hash}`).join('\n');
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const tools = [...this.#fixed, ...found.map(({ entry, stored }) => publishedTool(entry, stored))];
    // Old versions are not asked for again.
    if (this.#made.size >= 100) this.#made.clear();
    this.#made.set(key, tools);
    return tools;
  }
}

export function publishedTool(entry: PublishedWorkflow, stored: StoredDefinition): ToolSpec {
  const { definition } = stored;
  const schema = isJsonObject(definition.input) ? definition.input : {};
  const own = isJsonObject(schema.properties) ? schema.properties : {};
  const about = entry.description ?? definition.description ?? `Run the workflow ${entry.workflow}.`;
  const isCallField = (name: string): boolean => Object.hasOwn(CALL_FIELDS, name) && !Object.hasOwn(own, name);
  return {
    name: entry.tool,
    title: entry.tool,
    description: `${shortText(about, 2_000)} ${HOW}`,
    kind: 'write',
    idempotent: false,
    openWorld: true,
    input: AnyObject,
    inputSchema: { ...schema, type: 'object', properties: { ...CALL_SCHEMAS, ...own } },
    output: executeWorkflowTool.output,
    followUp: (_, data, now) => executeWorkflowTool.followUp?.({}, data, now) ?? null,
    handle: (context, raw) => {
      const entries = Object.entries(raw as JsonObject);
      const call = parseInput(
        z.strictObject(CALL_FIELDS),
        Object.fromEntries(entries.filter(([name]) => isCallField(name))),
        `The arguments of ${entry.tool} are wrong`,
      );
      const input = Object.fromEntries(entries.filter(([name]) => !isCallField(name)));
      const waitMs = call.wait_ms ?? (context.takesTask === true ? 0 : DEFAULT_WAIT_MS);
      return executeWorkflowTool.handle(context, { name: entry.workflow, input, wait_ms: waitMs, idempotency_key: call.idempotency_key });
    },
  };
}
