// Owns what a definition and its input tell of a run before it begins: the items of lists, the ms of sleeps.
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import { SleepInput, SleepUntilInput } from '../domain/waiting-inputs.ts';

/** Items of lists and ms of sleeps, as far as definition and input tell them. */
export function toldBy(
  plan: Plan,
  input: JsonObject | null,
  evaluator: Evaluator,
  now: number,
): { items: Record<string, number>; waits: Record<string, number> } {
  const items: Record<string, number> = {};
  const waits: Record<string, number> = {};
  for (const node of plan.nodes.slice(0, plan.mainCount)) {
    const { step } = node;
    if (step.forEach !== undefined) {
      const list = rendered(step.forEach, input, evaluator);
      if (Array.isArray(list)) items[node.id] = list.length;
    }
    if (node.kind === 'sleep') {
      const read = SleepInput.safeParse(rendered(step.with, input, evaluator));
      if (read.success) waits[node.id] = read.data.duration;
    } else if (node.kind === 'sleepUntil') {
      const read = SleepUntilInput.safeParse(rendered(step.with, input, evaluator));
      if (read.success) waits[node.id] = Math.max(0, read.data.until - now);
    }
  }
  return { items, waits };
}

/** Undefined for what only a run can tell. */
function rendered(template: Json, input: JsonObject | null, evaluator: Evaluator): Json | undefined {
  if (!evaluator.isDynamic(template)) return template;
  if (evaluator.references(template).some((path) => path[0] !== 'input' || input === null)) return undefined;
  try {
    return evaluator.render(template, { values: { input: input ?? {} } }, 'condition');
  } catch (error) {
    if (error instanceof LogisticsError) return undefined;
    throw error;
  }
}
