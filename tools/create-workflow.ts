// Owns the tool create_workflow: a definition is checked, and on request stored as an immutable version.
import { z } from 'zod';
import type { JsonObject } from '../src/domain/json.ts';
import type { DefinitionFault } from '../src/domain/workflow-definition.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import type { CheckResult } from '../src/orchestration/definition-checker.ts';
import { definitionIn, scopeOf } from './in-project.ts';
import { defineTool } from './tool.ts';
import { faultToWire } from './wire/error.ts';
import { AnyObject, IdempotencyKey, Next, ProjectRef } from './wire/fields.ts';
import { stepOutline, workflowHead, workflowRow } from './wire/workflow.ts';

const FAULTS_SHOWN = 50;
const STEPS_SHOWN = 20;

const Faults = z.array(z.looseObject({ path: z.string(), code: z.string(), message: z.string() })).optional();

export const createWorkflowTool = defineTool({
  name: 'create_workflow',
  title: 'Check or store a workflow',
  description:
    'Create, validate or update a workflow definition (a DAG of steps in YAML or JSON). mode preview (default) only checks and lists every fault with its path; mode apply stores a new version. ' +
    'Shape: {name, input?: JSON Schema, steps: [{id, task, with, needs?: [ids], if?, forEach?, retry?, timeout?, when?, continueOnError?}], output?}. Expressions are CEL in ${{ }}: ${{ input.x }}, ${{ steps.a.output }}, ${{ item }}. ' +
    'Tasks: echo, log, transform, http.request, shell.run, code.run, mcp.call, agent.task (for worker agents), sleep, wait.signal, wait.approval, wait.event, workflow.run, emit and user types.',
  kind: 'write',
  adopt: fromParts,
  idempotent: true,
  openWorld: false,
  input: z.strictObject({
    definition: z.union([AnyObject, z.string().max(8_388_608)]).describe('Object, or YAML or JSON text.'),
    mode: z.enum(['preview', 'apply']).optional(),
    project: ProjectRef,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({
    valid: z.boolean(),
    mode: z.string(),
    workflow_id: z.string().optional(),
    name: z.string().optional(),
    version: z.int().optional(),
    created: z.boolean().optional(),
    replayed: z.boolean().optional(),
    faults: Faults,
    warnings: Faults,
    next: Next,
  }),
  async handle({ engine, caller }, args) {
    const definition = definitionIn(scopeOf(engine, args.project, caller.sessionId), args.definition);
    if (args.mode !== 'apply') return preview(await engine.workflows.checkReachable(definition));
    const receipt = receiptFor(caller, 'create_workflow', args.idempotency_key, args);
    const { stored, created, replayed, warnings } = await engine.workflows.create(definition, receipt);
    return { valid: true, mode: 'apply', ...workflowRow(stored), created, replayed, ...warned(warnings), next: [`execute_workflow name=${stored.name}`] };
  },
});

/** {name, steps, description} instead of a definition: programs that write so mean to store it. */
function fromParts(raw: JsonObject): JsonObject {
  if (raw.definition !== undefined || raw.name === undefined || raw.steps === undefined) return raw;
  const { name, steps, description, ...rest } = raw;
  return { mode: 'apply', ...rest, definition: { name, steps, ...(description === undefined ? {} : { description }) } };
}

function preview(checked: CheckResult): JsonObject {
  const { definition, faults, warnings } = checked;
  if (definition === null) {
    return {
      valid: false,
      mode: 'preview',
      faults: faults.slice(0, FAULTS_SHOWN).map(faultToWire),
      faults_total: faults.length,
      ...warned(warnings),
      next: ['Correct the faults and preview again.'],
    };
  }
  return {
    valid: true,
    mode: 'preview',
    name: definition.name,
    hash: checked.hash,
    ...workflowHead(definition),
    steps_total: definition.steps.length,
    steps: definition.steps.slice(0, STEPS_SHOWN).map(stepOutline),
    ...(definition.steps.length > STEPS_SHOWN ? { truncated: true } : {}),
    ...warned(warnings),
    next: ['create_workflow mode=apply stores it; execute_workflow definition=… runs it without storing a name.'],
  };
}

export function warned(warnings: readonly DefinitionFault[]): JsonObject {
  return warnings.length === 0 ? {} : { warnings: warnings.slice(0, 10).map(faultToWire) };
}
