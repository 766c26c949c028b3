// Three worker agents, each an MCP client with a server of its own, share the items of one forEach; one of them dies half-way.
//
//   node examples/worker-agents.ts
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const ITEMS = 30;
const SERVER = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface Agent {
  readonly pid: number;
  call(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

interface Lease {
  readonly job_id: string;
  readonly lease_token: number;
  readonly item_index: number;
  readonly crashes?: number;
  readonly payload: { readonly prompt: string; readonly context: string };
}

const folder = mkdtempSync(join(tmpdir(), 'logistics-workers-'));

/** A client with a server process of its own; all servers share one data folder. */
async function connect(name: string): Promise<Agent> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [SERVER, '--data-dir', folder, '--namespace', 'example', '--toolsets', 'workers', '--background', 'off', '--log-level', 'error'],
    cwd: folder,
    stderr: 'inherit',
  });
  const client = new Client({ name, version: '1' });
  await client.connect(transport);
  return {
    pid: transport.pid as number,
    close: () => client.close(),
    call: async (tool, args) => {
      const result = await client.callTool({ name: tool, arguments: args });
      if (result.isError === true) throw new Error((result.content as { text: string }[])[0]?.text);
      return result.structuredContent as Record<string, unknown>;
    },
  };
}

const WORKFLOW = {
  name: 'count-letters',
  steps: [
    {
      id: 'count',
      forEach: '${{ input.words }}',
      maxParallel: 6,
      task: 'agent.task',
      requires: ['counting'],
      with: { prompt: 'How many letters has the word in context?', context: '${{ item }}' },
      output: { type: 'object', properties: { letters: { type: 'integer' }, by: { type: 'string' } }, required: ['letters', 'by'] },
    },
  ],
  output: '${{ steps.count.output }}',
};

/** Resolves when the one that has to die has died. */
const death = Promise.withResolvers<void>();

/** Takes and does work until all is done. The mortal one dies with its first item after half of all; the others wait for that, once. */
async function work(name: string, done: Map<number, string>, over: () => boolean, mortal = false): Promise<number | null> {
  const agent = await connect(name);
  while (!over()) {
    if (!mortal && done.size >= ITEMS / 2) await death.promise;
    const { leases, worker_id } = await agent.call('claim_job', { worker: name, capabilities: ['counting'], lease: '2s', wait_ms: 500 });
    for (const lease of leases as Lease[]) {
      if (mortal && done.size >= ITEMS / 2) {
        process.kill(agent.pid, 'SIGKILL');
        console.log(`${name} dies while it holds item ${lease.item_index}`);
        death.resolve();
        await agent.close();
        return lease.item_index;
      }
      if (lease.crashes !== undefined) console.log(`${name} takes item ${lease.item_index} over`);
      const output = { letters: lease.payload.context.length, by: name };
      const { job_id, lease_token } = lease;
      const reply = await agent.call('report_job', { worker_id, job_id, lease_token, action: 'complete', output });
      if (reply.replayed === false && done.has(lease.item_index)) throw new Error(`item ${lease.item_index} was done twice`);
      done.set(lease.item_index, name);
    }
  }
  await agent.close();
  return null;
}

const coordinator = await connect('coordinator');
try {
  const words = Array.from({ length: ITEMS }, (_, at) => 'x'.repeat(at + 1));
  const { execution_id } = await coordinator.call('execute_workflow', { definition: WORKFLOW, input: { words } });
  const done = new Map<number, string>();
  let over = false;
  const ended = (async () => {
    for (;;) {
      const { met, items } = await coordinator.call('wait', { ids: [execution_id], timeout_ms: 20_000 });
      if (met === true) return (items as { status: string }[])[0]?.status;
    }
  })().finally(() => {
    over = true;
  });
  const [, lost] = await Promise.all([work('ada', done, () => over), work('bob', done, () => over, true), work('cleo', done, () => over)]);
  const status = await ended;
  const { output } = await coordinator.call('get', { id: execution_id, view: 'output' });
  const results = output as { letters: number; by: string }[];

  if (status !== 'completed') throw new Error(`the workflow is ${status}`);
  if (done.size !== ITEMS || results.length !== ITEMS) throw new Error(`${done.size} of ${ITEMS} items are done`);
  for (const [at, { letters, by }] of results.entries()) {
    if (letters !== at + 1 || by !== done.get(at)) throw new Error(`item ${at} has the result of another`);
  }
  if (lost === null || lost === undefined || done.get(lost) === 'bob') throw new Error('the item of the dead worker was not taken over');
  for (const name of ['ada', 'bob', 'cleo']) console.log(`${name}: ${[...done.values()].filter((by) => by === name).length} items`);
  console.log(`all ${ITEMS} items are done, each once; item ${lost} was taken over by ${done.get(lost)}`);
} finally {
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
}
