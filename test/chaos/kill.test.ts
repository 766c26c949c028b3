// A small chaos run: `npm run chaos` does the same with a hundred kills.
import { expect, it } from 'vitest';
import { runChaos } from '../../scripts/chaos/harness.ts';

it('loses nothing and repeats nothing that was stored, whenever a process is killed', async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const report = await runChaos({ kills: 6, seed, drainMs: 20_000 });
  expect(report.violations, `seed ${seed}, files in ${report.folder}`).toEqual([]);
  expect(report).toMatchObject({ kills: 6, lost: 0, stuck: 0, reruns: 0, integrity: 'ok' });
  // It would prove nothing if the children had done nothing.
  expect(report.acked).toBeGreaterThan(20);
  expect(report.watched).toBeGreaterThan(20);
}, 60_000);
