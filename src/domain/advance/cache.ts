// Owns when a kept result stands for a run of a step, and which results are kept: the key is rendered from what never changes, so
// that it is the same at the start and at the end.
import type { PlanNode } from '../plan.ts';
import { cacheKeyOf, MAX_CACHE_KEY } from '../step-cache.ts';
import type { StoredValue } from '../workflow-execution.ts';
import type { Draft } from './draft.ts';
import { evaluateFor } from './scope.ts';
import { completeStep, errorData, failStep } from './step-end.ts';

/** True when the step has ended here: its result was there, or its key cannot be rendered. */
export function takeFromCache(draft: Draft, node: PlanNode): boolean {
  if (node.step.cache === undefined) return false;
  const key = keyOf(draft, node);
  if (typeof key === 'object' && key !== null) {
    failStep(draft, node.index, key.error);
    return true;
  }
  const found = key === null ? undefined : draft.view.cached(node.index, key);
  if (found === undefined) return false;
  completeStep(draft, node.index, { kind: 'inline', json: found.json }, { reused: true, data: { cached_from: found.executionId } });
  return true;
}

/** Keeps the output of a completed step for others. What is stored as an artifact ends with its run, so it is not kept. */
export function keepInCache(draft: Draft, node: PlanNode, output: StoredValue): void {
  const { cache } = node.step;
  if (cache === undefined || output.kind !== 'inline') return;
  const key = keyOf(draft, node);
  if (typeof key === 'string') draft.cachePuts.push({ step: node.index, key, json: output.json, expiresAt: draft.now + cache.ttlMs });
}

function keyOf(draft: Draft, node: PlanNode): string | null | { readonly error: ReturnType<typeof errorData> } {
  const rendered = evaluateFor(draft, node, node.step.cache?.key ?? null);
  if (!rendered.ok) return { error: { ...rendered.error, path: 'cache.key', message: `The key of the cache cannot be rendered: ${rendered.error.message}` } };
  const key = cacheKeyOf(rendered.value);
  return key === undefined
    ? {
        error: errorData('limit_exceeded', `The key of the cache takes more than ${MAX_CACHE_KEY} characters.`, {
          path: 'cache.key',
          nextActions: ['Use what identifies the result, such as a version or a digest, instead of the whole of it.'],
        }),
      }
    : key;
}
