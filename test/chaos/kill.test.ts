// Small chaos runs: `npm run chaos` does the same with a hundred kills.
import { expect, it } from 'vitest';
import { runChaos } from '../../scripts/chaos/harness.ts';
import { reasonToSkip } from '../support/redis-server.ts';

const reason = reasonToSkip('redis-server');

it('sqlite loses nothing and repeats nothing that was stored, whenever a process is killed or frozen', async () => {
  await holds('sqlite');
}, 60_000);

it.skipIf(reason !== null)(
  `redis loses nothing, repeats nothing that was stored and takes nothing from former holders, whatever dies or is cut off${reason === null ? '' : ` (${reason})`}`,
  async () => {
    const report = await holds('redis');
    expect(report.replicas).toBeGreaterThan(1);
  },
  60_000,
);

async function holds(store: 'sqlite' | 'redis'): Promise<Awaited<ReturnType<typeof runChaos>>> {
  const seed = Math.floor(Math.random() * 1_000_000);
  const report = await runChaos({ store, kills: 6, seed, drainMs: 20_000 });
  expect(report.violations, `seed ${seed}, files in ${report.folder}`).toEqual([]);
  expect(report).toMatchObject({ kills: 6, lost: 0, stuck: 0, reruns: 0, staleWrites: 0, unequal: 0, integrity: 'ok' });
  // It would prove nothing if the children had done nothing.
  expect(report.acked).toBeGreaterThan(20);
  expect(report.watched).toBeGreaterThan(20);
  return report;
}
