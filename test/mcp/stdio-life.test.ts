// The life of a server process: handshake before the store, a clean end with the input, and a store that cannot be opened.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { connect, INITIALIZE, type Reply, serverPlace, startRaw } from '../support/stdio-server.ts';

const call = (id: number, name: string, args: object): object => ({ id, method: 'tools/call', params: { name, arguments: args } });
const data = (answer: Reply): Reply => (answer.result as { structuredContent: Reply }).structuredContent;
const text = (answer: Reply): string => (answer.result as { content: { text: string }[] }).content[0]?.text ?? '';

describe('the end', () => {
  it('of the input ends the process with 0; its work is left in order', async () => {
    const place = serverPlace();
    const server = startRaw(place);
    server.send(INITIALIZE);
    await server.answer(1);
    server.send(call(2, 'enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h' }));
    const job = data(await server.answer(2));
    server.child.stdin?.end();
    expect(await server.exit()).toBe(0);
    expect(server.stderr()).toBe('');
    const next = await connect(place);
    expect(await next.call('get', { id: job.job_id })).toMatchObject({ status: 'pending' });
    expect(await next.call('get', { id: job.session_id })).toMatchObject({
      status: 'completed',
      implicit: true,
      recent_calls: [{ tool: 'enqueue_job', outcome: 'ok', result: job.job_id }],
    });
    expect(await next.call('list', { kind: 'workers' })).toMatchObject({ count: 1 });
  });

  it('comes at once when there was nothing to do', async () => {
    const server = startRaw(serverPlace());
    server.child.stdin?.end();
    expect(await server.exit()).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('on %s is the same', async (signal) => {
    const server = startRaw(serverPlace());
    server.send(INITIALIZE);
    await server.answer(1);
    server.send(call(2, 'get_system_status', {}));
    await server.answer(2);
    server.child.kill(signal);
    expect(await server.exit()).toBe(0);
  });

  it('gives running work back to the next process', async () => {
    const place = serverPlace();
    const server = startRaw(place);
    server.send(INITIALIZE);
    await server.answer(1);
    const steps = [
      { id: 'a', task: 'echo', with: { value: 1 } },
      { id: 'b', needs: ['a'], task: 'wait.signal', with: { name: 'go' } },
    ];
    server.send(call(2, 'execute_workflow', { definition: { name: 'w', steps }, wait_ms: 0 }));
    const { execution_id: id } = data(await server.answer(2));
    server.send(call(3, 'wait', { ids: [id], until: 'waiting' }));
    await server.answer(3);
    server.child.kill('SIGKILL');
    await server.exit();
    const next = await connect(place);
    await next.call('control', { id, action: 'signal', name: 'go' });
    expect(await next.call('wait', { ids: [id] })).toMatchObject({ met: true, items: [{ status: 'completed', steps_done: 2 }] });
    const { events } = await next.call('get', { id, view: 'events', limit: 100 });
    expect((events as Reply[]).filter((event) => event.type === 'step_completed' && event.step === 'a')).toHaveLength(1);
  });
});

describe('a store that cannot be used', () => {
  async function refused(place: ReturnType<typeof serverPlace>, code: string): Promise<string> {
    const server = startRaw(place);
    server.send(INITIALIZE);
    // The handshake does not need the store.
    expect(await server.answer(1)).toMatchObject({ result: { serverInfo: { name: 'logistics-mcp' } } });
    for (const [id, name, args] of [
      [2, 'get_system_status', {}],
      [3, 'enqueue_job', { task: 'echo', payload: { value: 1 } }],
    ] as const) {
      server.send(call(id, name, args));
      const answer = await server.answer(id);
      expect(answer).toMatchObject({ result: { isError: true } });
      expect(text(answer)).toMatch(new RegExp(`^${code}: [\\s\\S]*Next: `));
    }
    server.send({ id: 4, method: 'tools/list' });
    expect((((await server.answer(4)).result as Reply).tools as unknown[]).length).toBe(12);
    server.child.stdin?.end();
    expect(await server.exit()).toBe(0);
    // Said once, however often it is met.
    expect(server.stderr().match(new RegExp(code, 'g'))).toHaveLength(1);
    return server.stderr();
  }

  it('because the file is no database: it is left as it is', async () => {
    const place = serverPlace();
    const file = join(place.dataDir, 'store', 'logistics.db');
    mkdirSync(join(place.dataDir, 'store'));
    writeFileSync(file, Buffer.alloc(8_192, 'garbage '));
    const before = createHash('sha256').update(readFileSync(file)).digest('hex');
    await refused(place, 'store_corrupt');
    expect(createHash('sha256').update(readFileSync(file)).digest('hex')).toBe(before);
  });

  it('because a newer program made it', async () => {
    const place = serverPlace();
    const first = await connect(place);
    await first.call('get_system_status');
    await first.close();
    const db = new Database(join(place.dataDir, 'store', 'logistics.db'));
    db.pragma('user_version = 9999');
    db.close();
    await refused(place, 'store_newer');
  });

  it('because the configuration is wrong', async () => {
    const stderr = await refused(serverPlace(['--durability', 'fulll']), 'invalid_input');
    expect(stderr).toMatch(/--durability/);
  });

  it.skipIf(process.getuid?.() === 0)('because the folder is read-only', async () => {
    const place = serverPlace();
    chmodSync(place.dataDir, 0o500);
    await refused(place, 'store_read_only');
    chmodSync(place.dataDir, 0o700);
  });
});
