// Owns running one workflow to its end as a measurement.

import type { JsonObject } from '../../src/domain/json.ts';
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import { NOOP, openBench } from './engine.ts';
import { type Context, type Cost, costOf } from './scenario.ts';

const work = { task: NOOP } as const;

export const DIAMOND = {
  name: 'diamond',
  steps: [
    { id: 'a', ...work },
    { id: 'b', ...work, needs: ['a'] },
    { id: 'c', ...work, needs: ['a'] },
    { id: 'd', ...work, needs: ['b', 'c'] },
  ],
};

/** `layers` of `width` steps; each needs two of the layer before. */
export function layered(layers: number, width: number): { readonly name: string; readonly steps: readonly JsonObject[] } {
  const steps: JsonObject[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let i = 0; i < width; i++) {
      const needs = layer === 0 ? [] : [`s${layer - 1}_${i}`, `s${layer - 1}_${(i + 1) % width}`];
      steps.push({ id: `s${layer}_${i}`, ...work, needs });
    }
  }
  return { name: `layered_${layers}x${width}`, steps };
}

export function forEachOf(items: number): { readonly name: string; readonly steps: readonly JsonObject[] } {
  return { name: `each_${items}`, steps: [{ id: 'each', ...work, forEach: `\${{ input.items }}`, maxParallel: 200, with: { text: 'the same for all' } }] };
}

/** One run of a workflow of `units` steps, from the start call to its end on disk. */
export async function runOnce(
  context: Context,
  definition: { readonly name: string },
  units: number,
  input: JsonObject = {},
): Promise<Cost & { readonly rssMb: number }> {
  const { engine } = await openBench(context.folder(), { durability: context.durability, concurrency: 100 });
  await engine.workflows.create(definition);
  const cost = await costOf(units, async () => {
    const result = await engine.executeWorkflow({ name: definition.name, input }, LOCAL_HUMAN);
    if (!result.success) throw new Error(`${definition.name} ended ${result.status}: ${JSON.stringify(result.error)}`);
  });
  await engine.stop();
  return { ...cost, rssMb: process.memoryUsage().rss / 2 ** 20 };
}
