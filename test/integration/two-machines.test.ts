// Two nodes that share nothing but a Redis: one store for both, sessions go on at the other node, the death of either loses nothing, and what is due happens once.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { comesTrue } from '../support/processes.ts';
import { reasonToSkip } from '../support/redis-server.ts';
import type { Reply } from '../support/stdio-server.ts';
import { inTwoFolders, inTwoNetworks, type Machine, type Node, reasonWithoutNetworks } from './machines.ts';

const noRedis = reasonToSkip('redis-server');
const places = [
  { place: 'in two networks', make: inTwoNetworks, skip: noRedis ?? reasonWithoutNetworks() },
  { place: 'in two folders', make: inTwoFolders, skip: noRedis },
];

const WAITS = {
  name: 'waits',
  steps: [
    { id: 'first', task: 'echo', with: { value: '${{ session.context.who }}' } },
    { id: 'go', task: 'wait.signal', needs: ['first'], with: { name: 'go' } },
    { id: 'last', task: 'echo', needs: ['go'], with: { value: { who: '${{ steps.first.output }}', said: '${{ steps.go.output }}' } } },
  ],
  output: '${{ steps.last.output }}',
};

/** Calls until the reply is as wanted; the test's time limit bounds it. */
async function reaches(node: Node, id: string, status: string): Promise<Reply> {
  for (;;) {
    const reply = await node.call('get', { id });
    if (reply.status === status) return reply;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const begun = (machine: Machine): string[] => machine.folder.noted().filter((line) => line.startsWith('begin'));

for (const { place, make, skip } of places) {
  describe.skipIf(skip !== null)(`two machines ${place}${skip === null ? '' : ` (${skip})`}`, () => {
    const pair = async (config: object = {}): Promise<{ machines: readonly [Machine, Machine]; nodes: [Node, Node] }> => {
      const machines = await make(config);
      return { machines, nodes: [await machines[0].start(), await machines[1].start()] };
    };

    it('are one store: what one was told the other knows at once, and a session goes on at the other', async () => {
      const { nodes } = await pair();
      const [one, two] = nodes;
      for (let n = 0; n < 10; n++) {
        for (const [here, there] of [nodes, [two, one]] as const) {
          const { job_id } = await here.call('enqueue_job', { task: 'echo', payload: { value: n }, delay: '1h' });
          expect(await there.call('get', { id: job_id })).toMatchObject({ job_id });
        }
      }
      await one.call('create_workflow', { definition: WAITS, mode: 'apply' });
      const { session_id } = await one.call('create_session', { name: 'shared', context: { who: 'one' } });
      const { execution_id } = await one.call('execute_workflow', { name: 'waits', session_id, wait_ms: 0 });
      // From here on everything is done at the other node.
      expect(await two.call('get', { id: session_id })).toMatchObject({ session_id, context: { who: 'one' }, status: 'active' });
      await two.call('control', { id: session_id, action: 'update', context: { seen: 'two' } });
      await reaches(two, execution_id as string, 'waiting');
      await two.call('control', { id: execution_id, action: 'signal', name: 'go', payload: 'gone' });
      await two.call('wait', { ids: [execution_id], timeout_ms: 10_000 });
      expect(await one.call('get', { id: execution_id, view: 'output' })).toMatchObject({ output: { who: 'one', said: 'gone' } });
      expect(await one.call('get', { id: session_id })).toMatchObject({ context: { who: 'one', seen: 'two' } });
    }, 40_000);

    it('lose nothing when either dies with its disk: the other takes its work over after the lease', async () => {
      const { machines, nodes } = await pair({ concurrency: 1 });
      for (const dying of [0, 1] as const) {
        const staying = dying === 0 ? 1 : 0;
        const [here, there] = [nodes[dying], nodes[staying]];
        const before = begun(machines[staying]).length;
        // One each: who has one takes no other.
        const napping = async (n: number, ms: number): Promise<string> =>
          (await here.call('enqueue_job', { task: 'nap', payload: { n, ms, file: machines[dying].folder.file, by: n } })).job_id as string;
        const ids = [await napping(1, 1_500), await napping(2, 1_500)];
        await comesTrue(() => machines[dying].folder.noted().filter((line) => line.startsWith('begin')).length >= 2);
        const text = readFileSync(machines[dying].folder.file, 'utf8');
        expect(text).toContain(` ${here.pid} `);
        expect(text).toContain(` ${there.pid} `);
        await here.kill();
        for (const id of ids) expect(await there.call('get', { id })).toMatchObject({ status: 'running' });
        const done = await Promise.all(ids.map((id) => reaches(there, id, 'completed')));
        expect(done).toHaveLength(2);
        expect(before).toBe(0);
        machines[dying].lose();
        nodes[dying] = await machines[dying].start();
        expect(await nodes[dying].call('get', { id: ids[0] })).toMatchObject({ status: 'completed' });
      }
    }, 60_000);

    it('fire what is due once: delays, schedules and retries', async () => {
      const { machines, nodes } = await pair();
      const { file } = machines[0].folder;
      const delayed = await nodes[0].call('enqueue_job', {
        jobs: Array.from({ length: 20 }, (_, n) => ({ task: 'nap', payload: { n, ms: 1, file }, delay: '700ms' })),
      });
      const { schedule_id } = await nodes[1].call('schedule_recurring', {
        name: 'tick',
        every: '1s',
        target: { task: 'nap', input: { n: '${{ schedule.plannedAt }}', ms: 1, file } },
      });
      await comesTrue(() => machines[0].folder.noted().filter((line) => line.startsWith('end')).length >= 20 + 3);
      await nodes[0].call('control', { id: schedule_id, action: 'pause' });
      const jobs = (delayed.job_ids as string[]).length;
      const starts = begun(machines[0]).map((line) => line.split(' ')[1]);
      expect(jobs).toBe(20);
      // Each number began once, wherever it ran.
      expect(new Set(starts).size).toBe(starts.length);
      const { events } = await nodes[1].call('get', { id: schedule_id, view: 'events' });
      const planned = (events as { planned_at: string }[]).map((row) => row.planned_at);
      expect(planned.length).toBeGreaterThanOrEqual(3);
      expect(new Set(planned).size).toBe(planned.length);
    }, 40_000);
  });
}
