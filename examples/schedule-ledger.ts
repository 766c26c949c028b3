// A schedule of every second, ten times, with two servers on one folder; the first one is killed half-way. Each planned time is in the ledger, once.
//
//   node examples/schedule-ledger.ts
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const FIRES = 10;
const SERVER = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface Entry {
  readonly planned_at: string;
  readonly status: string;
  readonly lateness_ms?: number;
  readonly job_id?: string;
  readonly result?: string;
}

const folder = mkdtempSync(join(tmpdir(), 'logistics-schedule-'));

async function connect(name: string): Promise<{ readonly pid: number; readonly client: Client }> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [SERVER, '--data-dir', folder, '--namespace', 'example', '--background', 'off', '--log-level', 'error'],
    cwd: folder,
    stderr: 'inherit',
  });
  const client = new Client({ name, version: '1' });
  await client.connect(transport);
  return { pid: transport.pid as number, client };
}

async function call<T>(client: Client, tool: string, args: Record<string, unknown>): Promise<T> {
  const result = await client.callTool({ name: tool, arguments: args });
  if (result.isError === true) throw new Error((result.content as { text: string }[])[0]?.text);
  return result.structuredContent as T;
}

try {
  const [first, second] = await Promise.all([connect('first'), connect('second')]);
  await Promise.all([first, second].map(({ client }) => call(client, 'get_system_status', {})));
  const start = Math.ceil(Date.now() / 1_000 + 1) * 1_000;
  const end = start + (FIRES - 1) * 1_000;
  const made = await call<{ schedule_id: string; sentence: string; fires: { by: string; after_this_client: string } }>(first.client, 'schedule_recurring', {
    name: 'tick',
    every: '1s',
    start_at: new Date(start).toISOString(),
    end_at: new Date(end).toISOString(),
    target: { task: 'echo', input: { value: '${{ schedule.plannedAt }}' } },
    overlap: 'allow',
  });
  console.log(`${made.sentence}\nfired by ${made.fires.by}; ${made.fires.after_this_client}`);
  await sleep(start + 4_500 - Date.now());
  process.kill(first.pid, 'SIGKILL');
  console.log(`killed ${first.pid} after ${((Date.now() - start) / 1_000).toFixed(1)} s`);
  await sleep(end + 500 - Date.now());
  let entries: Entry[] = [];
  // The last runs may still go on.
  for (let look = 0; look < 50; look++) {
    entries = (await call<{ events: Entry[] }>(second.client, 'get', { id: made.schedule_id, view: 'events', limit: 50 })).events.reverse();
    if (entries.length >= FIRES && entries.every(({ result }) => result !== undefined)) break;
    await sleep(200);
  }
  for (const { planned_at, status, lateness_ms, job_id, result } of entries)
    console.log(`${planned_at}  ${status.padEnd(6)}  ${String(lateness_ms ?? '').padStart(5)} ms  ${job_id}  ${result}`);
  assert.deepEqual(
    entries.map(({ planned_at }) => Date.parse(planned_at)),
    Array.from({ length: FIRES }, (_, at) => start + at * 1_000),
  );
  assert.equal(new Set(entries.map(({ job_id }) => job_id)).size, FIRES);
  assert.ok(entries.every(({ status, result }) => ['fired', 'late'].includes(status) && result === 'completed'));
  const { status } = await call<{ status: string }>(second.client, 'get', { id: made.schedule_id });
  console.log(`all ${FIRES} planned times are in the ledger, each once; the schedule is ${status}`);
  await second.client.close();
  await first.client.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
