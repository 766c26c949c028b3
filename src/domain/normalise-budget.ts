// Owns how the budget and the breaker of a workflow are written: every spelling gives one form, every fault its place.
import { Breaker, MAX_BREAKER_FAILURES } from './breaker.ts';
import { MAX_BUDGET_COST, MAX_BUDGET_COUNT, MAX_BUDGET_RUNS, MAX_BUDGET_TOKENS } from './budget.ts';
import { type Field, FieldReader, shown } from './field-reader.ts';
import { present } from './normalise-step.ts';
import { MAX_DEPTH, MAX_FOREACH_ITEMS, type WorkflowBudget, type WorkflowDefinition } from './workflow-definition.ts';

const BUDGET = '{attempts: 100, tokens: 500000, cost: 5, wall_clock: 1h, fan_out: 50, depth: 2, runs: {max: 10, window: 1h}}';

export function readBudget(top: FieldReader): WorkflowBudget | undefined {
  const reader = inside(top, top.take('budget'), BUDGET);
  if (reader === undefined) return undefined;
  const runs = inside(reader, reader.take('runs'), '{max: 10, window: 1h}');
  const budget = present({
    runs: runs === undefined ? undefined : readRuns(runs),
    wallClockMs: reader.duration(reader.take('wallClock', 'wallClockMs', 'wall_clock', 'wall_clock_ms')),
    attempts: reader.integer(reader.take('attempts'), 1, MAX_BUDGET_COUNT),
    fanOut: reader.integer(reader.take('fanOut', 'fan_out'), 1, MAX_FOREACH_ITEMS),
    depth: reader.integer(reader.take('depth'), 0, MAX_DEPTH),
    tokens: reader.integer(reader.take('tokens'), 1, MAX_BUDGET_TOKENS),
    cost: readCost(reader, reader.take('cost')),
  });
  reader.finish();
  if (Object.keys(reader.raw).length === 0) return reader.fault(reader.path, 'The budget bounds nothing.', { expected: BUDGET });
  return budget;
}

function readRuns(reader: FieldReader): WorkflowBudget['runs'] {
  const max = reader.integer(reader.take('max'), 1, MAX_BUDGET_RUNS);
  const windowMs = reader.duration(reader.take('window', 'windowMs', 'window_ms'));
  reader.finish();
  for (const name of ['max', 'window'] as const)
    if (!Object.keys(reader.raw).some((key) => key.startsWith(name))) reader.fault(reader.path, `${name} is missing.`, { expected: '{max: 10, window: 1h}' });
  return max === undefined || windowMs === undefined ? undefined : { max, windowMs };
}

function readCost(reader: FieldReader, field: Field | undefined): number | undefined {
  if (field === undefined) return undefined;
  const { value } = field;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0 && value <= MAX_BUDGET_COST) return value;
  return reader.fault(field.path, `${shown(value)} is no cost.`, { expected: `a number above 0, at most ${MAX_BUDGET_COST.toLocaleString('en')}` });
}

export function readBreaker(top: FieldReader): WorkflowDefinition['breaker'] {
  const reader = inside(top, top.take('breaker'), '{failures: 5, cooldown: 10m}');
  if (reader === undefined) return undefined;
  const failures = reader.integer(reader.take('failures'), 1, MAX_BREAKER_FAILURES);
  const cooldownMs = reader.duration(reader.take('cooldown', 'cooldownMs', 'cooldown_ms'));
  reader.finish();
  if (reader.raw.failures === undefined)
    return reader.fault(reader.path, 'The breaker does not say after how many failures it opens.', { expected: 'failures: 5' });
  return failures === undefined ? undefined : Breaker.parse(present({ failures, cooldownMs }));
}

function inside(outer: FieldReader, field: Field | undefined, expected: string): FieldReader | undefined {
  const raw = outer.object(field, expected);
  if (field === undefined || raw === undefined) return undefined;
  const normal = outer.normalPath === '' ? field.key : `${outer.normalPath}.${field.key}`;
  return new FieldReader(raw, field.path, normal, outer.faults, outer.paths);
}
