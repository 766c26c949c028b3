// Schedules through real clients and server processes: they outlive the client that made them, and the tool sets decide what is offered.
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientOf, comesTrue, endRegistered, isAlive, sharedFolder } from '../support/processes.ts';
import { CLIENT_KINDS, connect, serverPlace } from '../support/stdio-server.ts';

interface Ledger {
  readonly events: readonly { readonly status: string; readonly planned_at: string; readonly job_id?: string; readonly result?: string }[];
}

describe('schedules through a client', () => {
  it.each(CLIENT_KINDS)('%s makes one, and it fires in the server', async (kind) => {
    const server = await connect(serverPlace(), kind);
    const made = await server.call('schedule_recurring', { delay: '1s', target: { task: 'echo', input: { value: '${{ schedule.name }}' } } });
    expect(made).toMatchObject({
      name: 'echo',
      status: 'active',
      rule: { kind: 'once' },
      fires: { by: expect.stringMatching(/^this process \(stdio, pid \d+\)$/) },
    });
    let entries: Ledger['events'] = [];
    while (entries[0]?.result !== 'completed') entries = ((await server.call('get', { id: made.schedule_id, view: 'events' })) as unknown as Ledger).events;
    expect(entries).toHaveLength(1);
    expect(await server.call('get', { id: entries[0]?.job_id })).toMatchObject({ result: 'echo' });
    expect(await server.call('get', { id: made.schedule_id })).toMatchObject({ status: 'completed', next_fires: [], runs: 1 });
  });

  it('tells a mistake as an error result with the field, what was expected and what is near', async () => {
    const server = await connect(serverPlace());
    const { isError, content } = await server.raw('schedule_cron', { expression: '0 9 * * *', timezone: 'Europe/Berln', target: { task: 'echo' } });
    expect(isError).toBe(true);
    expect(content[0]?.text).toMatch(/^invalid_input: There is no time zone "Europe\/Berln"[\s\S]*timezone[\s\S]*Europe\/Berlin/);
  });

  it('simulate_schedule is there with the tool set planning, and else says how to get it', async () => {
    const without = await connect(serverPlace());
    await expect(without.raw('simulate_schedule', {})).rejects.toThrow(/tool set planning/);
    const server = await connect(serverPlace(['--toolsets', 'planning']));
    expect((await server.listTools()).map(({ name }) => name)).toContain('simulate_schedule');
    expect(await server.call('simulate_schedule', { every: '6h', from: '2026-12-01', to: '2026-12-02', anchor: '2026-12-01' })).toMatchObject({
      counts: { fired: 5 },
    });
  });

  it('a background host fires it once the client that made it has gone, and stops after the last one', async () => {
    const folder = sharedFolder({ limits: { hostIdle: '300ms', shutdownGrace: '100ms' } }, { LOGISTICS_BACKGROUND: 'auto' });
    writeFileSync(folder.file, '');
    const watcher = await clientOf(folder);
    endRegistered(watcher);
    const server = await connect(folder);
    const made = await server.call('schedule_recurring', { name: 'later', delay: '4s', target: { task: 'nap', input: { n: 1, ms: 10, file: folder.file } } });
    expect(made.fires).toMatchObject({ after_this_client: expect.stringContaining('background host') });
    await server.close();
    const hosts = (): number[] => watcher.backend.liveProcesses({ namespace: 'test' }).flatMap(({ role, pid }) => (role === 'host' ? [pid] : []));
    await comesTrue(() => hosts().length === 1);
    const [pid = 0] = hosts();
    await comesTrue(() => watcher.schedules.get('later')?.lastRun?.result === 'completed');
    expect(watcher.schedules.ledger('later', { limit: 10, cursor: null }).items).toMatchObject([{ status: 'fired', result: 'completed' }]);
    await comesTrue(() => !isAlive(pid));
  });
});
