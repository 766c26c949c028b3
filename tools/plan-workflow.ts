// Owns the tool plan_workflow: how long a run would take on a given capacity, what holds it up, and what a change would bring.
import { z } from 'zod';
import { Duration } from '../src/domain/duration.ts';
import { OBJECTIVES } from '../src/optimization/plan-model.ts';
import { brief } from './schedules/fields.ts';
import { defineTool } from './tool.ts';
import { AnyObject, Next, ResponseFormat } from './wire/fields.ts';
import { forecastToWire } from './wire/forecast.ts';

const MAX_SLOTS = 10_000;
const MAX_WORKERS = 1_000;

const Name = z.string().min(1).max(200);
const Durations = z.record(Name, Duration);
const Rates = z.record(Name, z.number().min(0).max(1));
const Amount = z.number().positive().max(1e15);

const Worker = z.strictObject({
  name: Name,
  speed: z.number().positive().max(1_000).default(1),
  price: z.number().min(0).max(1e9).default(0),
  capabilities: z.array(Name).max(100).default([]),
});

/** A size alone, or with what steps hold. */
const Pool = z
  .union([Amount, z.strictObject({ capacity: Amount, steps: z.record(Name, z.number().min(0).max(1e15)) })])
  .transform((pool) => (typeof pool === 'number' ? { capacity: pool, steps: {} } : pool));

const Input = z.strictObject({
  name: z.string().min(1).max(200).optional().describe('A stored workflow; or give definition.'),
  version: z.int().min(1).max(1_000_000_000).optional(),
  definition: z
    .union([AnyObject, z.string().max(8_388_608)])
    .optional()
    .describe('Inline definition: object, YAML or JSON text.'),
  input: AnyObject.optional().describe('Tells the items of forEach steps and the time of sleeps.'),
  slots: z.int().min(1).max(MAX_SLOTS).optional().describe('Jobs at once; default: those of this process.'),
  workers: brief(z.array(Worker).min(1).max(MAX_WORKERS))
    .optional()
    .describe('Instead of slots: [{name, speed, price (per hour), capabilities}], one job at a time each.'),
  pools: brief(z.record(Name, Pool)).optional().describe('{"gpu": {"capacity": 2, "steps": {"train": 1}}}'),
  durations: brief(Durations).optional().describe('{"step id or task": "30s"}; default: from history.'),
  items: brief(z.record(Name, z.int().min(0).max(100_000)))
    .optional()
    .describe('Items per forEach step.'),
  objective: z.enum(OBJECTIVES).optional().describe('Default makespan.'),
  deadline: brief(Duration).optional().describe('From the start.'),
  exact: z.boolean().optional().describe('Also find the least makespan there is: at most 16 steps, needs the package highs.'),
  what_if: brief(z.strictObject({ slots: z.int().min(1).max(MAX_SLOTS).optional(), durations: Durations.optional(), failure_rates: Rates.optional() }))
    .optional()
    .describe('Compare with other {slots, durations, failure_rates: {"step or task": 0.1}}.'),
  format: z.enum(['text', 'mermaid', 'json']).optional().describe('Of the gantt; default text.'),
  seed: z.int().min(0).max(4_294_967_295).optional(),
  response_format: ResponseFormat,
});

export const planWorkflowTool = defineTool({
  name: 'plan_workflow',
  title: 'Plan a workflow run',
  description:
    'Plan, predict or optimise a workflow run before it starts: makespan with interval, critical path, bottleneck, slack and a gantt on given slots, workers or pools; what_if compares a change. Durations come from history or from you. Nothing runs; dry_run of execute_workflow only shows the steps. ' +
    'Example: {"name": "release", "slots": 4, "durations": {"build": "5m"}, "what_if": {"slots": 8}}.',
  kind: 'read',
  idempotent: true,
  openWorld: false,
  aliases: { workflow_name: 'name', parameters: 'input' },
  input: Input,
  output: z.looseObject({
    workflow: z.string(),
    objective: z.string(),
    makespan_ms: z.number(),
    makespan: z.string(),
    lower_bound_ms: z.number(),
    bottleneck: z.looseObject({ kind: z.string(), ms: z.number() }),
    critical_path: z.array(z.string()),
    next: Next,
  }),
  async handle({ engine }, args) {
    const { what_if, deadline, format = 'text', response_format = 'concise', ...request } = args;
    const forecast = await engine.planner.plan({
      ...request,
      deadlineMs: deadline,
      whatIf: what_if === undefined ? undefined : { slots: what_if.slots, durations: what_if.durations, failureRates: what_if.failure_rates },
    });
    return forecastToWire(forecast, { format, detailed: response_format === 'detailed' });
  },
});
