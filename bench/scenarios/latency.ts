// Owns the time of one job at light load: from the enqueue call to its result on disk.
import { setTimeout as sleep } from 'node:timers/promises';
import { NOOP, openBench, PAYLOAD } from '../support/engine.ts';
import { atMost, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';

const JOBS = 1_500;

export const latency: Scenario = {
  name: 'latency',
  title: 'Enqueue call -> completed and durable, light load',
  async run(context: Context): Promise<readonly Figure[]> {
    const bench = await openBench(context.folder(), { durability: context.durability });
    const started = new Map<string, number>();
    const early = new Map<string, number>();
    const acked: number[] = [];
    const times: number[] = [];
    bench.onEnded((id) => {
      const at = performance.now();
      const from = started.get(id);
      if (from === undefined) early.set(id, at);
      else times.push(at - from);
    });
    for (let i = 0; i < JOBS + 100; i++) {
      const from = performance.now();
      const { jobIds } = await bench.engine.enqueue([{ task: NOOP, payload: PAYLOAD }]);
      const [id] = jobIds as readonly [string];
      acked.push(performance.now() - from);
      started.set(id, from);
      const ended = early.get(id);
      if (ended !== undefined) times.push(ended - from);
      await sleep(2);
    }
    await bench.untilEnded(JOBS + 100);
    await bench.engine.stop();
    // The first ones warm it up.
    const [p50, p99] = [percentile(times.slice(100), 0.5), percentile(times.slice(100), 0.99)];
    return [
      { name: 'completed, p50', value: p50, unit: 'ms', target: atMost(p50, 1, 'ms') },
      { name: 'completed, p99', value: p99, unit: 'ms', target: atMost(p99, 10, 'ms') },
      { name: 'acknowledged, p50', value: percentile(acked.slice(100), 0.5), unit: 'ms' },
      { name: 'acknowledged, p99', value: percentile(acked.slice(100), 0.99), unit: 'ms' },
    ];
  },
};
