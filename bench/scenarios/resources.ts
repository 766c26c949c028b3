// Owns the speed of resources in memory: an allocation and its release, of one pool and of two.
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import { openBench } from '../support/engine.ts';
import { atMost, type Context, type Cost, costOf, type Figure, type Scenario } from '../support/scenario.ts';

const ALLOCATIONS = 20_000;
const TOGETHER = 500;
const TARGET_US = 20;

export const resources: Scenario = {
  name: 'resources',
  title: 'Resources in memory',
  async run(context: Context): Promise<readonly Figure[]> {
    const { engine } = await openBench(context.folder(), { store: 'in_memory' }, 'client');
    await engine.resources.definePool('gpu', { capacity: 1_000_000 });
    await engine.resources.definePool('memory', { capacity: '1000GiB' });
    const round = async (request: { readonly [pool: string]: number | string }): Promise<readonly [Cost, Cost]> => {
      const ids: string[] = [];
      const taken = await costOf(ALLOCATIONS, async () => {
        for (let done = 0; done < ALLOCATIONS; done += TOGETHER) {
          const made = await Promise.all(Array.from({ length: TOGETHER }, () => engine.resources.allocate({ resources: request }, LOCAL_HUMAN)));
          ids.push(...made.map(({ allocation }) => allocation.id));
        }
      });
      const given = await costOf(ALLOCATIONS, async () => {
        for (let done = 0; done < ALLOCATIONS; done += TOGETHER) await Promise.all(ids.slice(done, done + TOGETHER).map((id) => engine.resources.release(id)));
      });
      return [taken, given];
    };
    await round({ gpu: 1 });
    const [one, back] = await round({ gpu: 1 });
    const [two, bothBack] = await round({ gpu: 1, memory: '1MiB' });
    await engine.stop();
    return [
      { name: 'allocation of one pool, CPU', value: one.cpuUs, unit: 'us', target: atMost(one.cpuUs, TARGET_US, 'us') },
      { name: 'its release, CPU', value: back.cpuUs, unit: 'us' },
      { name: 'allocation of two pools, CPU', value: two.cpuUs, unit: 'us' },
      { name: 'its release, CPU', value: bothBack.cpuUs, unit: 'us' },
      { name: 'allocations', value: one.rate, unit: 'per s' },
    ];
  },
};
