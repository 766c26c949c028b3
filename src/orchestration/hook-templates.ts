// Owns the expressions of hooks: which names they may use, and their values for one delivery, bounded, since whoever sends chooses what they read.
import { LogisticsError } from '../domain/errors.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { HOOK_ROOTS, type Hook, hookTemplates } from '../domain/hook.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';

/** All that one delivery may cost; what nests loops is ended by then. */
const LIMIT_MS = 1_000;

/** What the expressions of a hook see of a delivery. */
export interface DeliveryScope {
  readonly body: Json;
  readonly headers: JsonObject;
  readonly delivery: { readonly id: string | null; readonly hook: string };
}

/** Throws for the first expression that cannot be meant; `index` is the hook's place in the configuration. */
export function checkHookTemplates(hook: Hook, index: number, evaluator: Evaluator): void {
  for (const [place, template] of Object.entries(hookTemplates(hook))) {
    const path = `hooks[${index}].${place}`;
    const [fault] = evaluator.check(template, 'render');
    if (fault !== undefined)
      throw new LogisticsError(fault.code, `The hook ${hook.name} cannot be used: ${fault.message}`, {
        path: `${path}${fault.path}`,
        expected: fault.expected,
        nearMatches: fault.nearMatches,
      });
    const root = evaluator.references(template).find(([name]) => !(HOOK_ROOTS as readonly (string | undefined)[]).includes(name))?.[0];
    if (root !== undefined)
      throw new LogisticsError('unresolved_reference', `The hook ${hook.name} cannot be used: there is no ${root} in a delivery.`, {
        path,
        expected: `one of ${HOOK_ROOTS.join(', ')}`,
        nearMatches: nearMatches(root, HOOK_ROOTS),
      });
    if (evaluator.usesStatus(template))
      throw new LogisticsError('invalid_expression', `The hook ${hook.name} cannot be used: success(), failure() and always() are only for steps.`, { path });
  }
}

/** Whether the delivery is meant. Throws when that cannot be said. */
export async function isMeant({ when }: Hook, evaluator: Evaluator, scope: DeliveryScope): Promise<boolean> {
  if (when === null) return true;
  const value = await render(evaluator, when, scope);
  if (typeof value === 'boolean') return value;
  throw new LogisticsError('invalid_expression', 'The condition of this hook is neither true nor false.', { path: 'when', expected: 'true or false' });
}

export function render(evaluator: Evaluator, template: Json, { body, headers, delivery }: DeliveryScope): Promise<Json> {
  return evaluator.renderBounded(template, { values: { body, headers, delivery: { ...delivery } } }, LIMIT_MS);
}

/** A value that is to be a name or an id. */
export function textOf(value: Json, path: string): string {
  const text = typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  if (text === '') throw new LogisticsError('invalid_input', `This delivery gives no ${path}.`, { path, expected: 'a text or a number' });
  return text;
}
