// One agent starts a workflow over HTTP and goes; another resumes its session on a second node and approves, where it may; a person's token decides the rest.
//
//   node examples/approve-from-another-node.ts
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OlderTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const RELEASE = {
  name: 'release',
  steps: [
    { id: 'notes', task: 'transform', with: { value: 'Version 2: faster search' } },
    { id: 'review', needs: ['notes'], task: 'wait.approval', with: { message: 'Are the notes right?', by: 'any' } },
    { id: 'publish', needs: ['review'], task: 'wait.approval', with: { message: 'Publish?', by: 'human' } },
    { id: 'done', needs: ['publish'], task: 'transform', with: { value: '${{ steps.notes.output }} (published: ${{ steps.publish.output.approved }})' } },
  ],
  output: '${{ steps.done.output }}',
};

type Reply = Readonly<Record<string, unknown>>;
interface Caller {
  call(tool: string, args: Record<string, unknown>): Promise<Reply>;
  close(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'logistics-nodes-'));
const settings = ['--data-dir', folder, '--namespace', 'example', '--log-level', 'error'];
const nodes: { stop(): Promise<void> }[] = [];

/** A server process; all of them share the data folder. */
async function startNode(name: string): Promise<string> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--json', ...settings], { stdio: ['ignore', 'pipe', 'inherit'], cwd: folder });
  const exited = once(child, 'exit');
  nodes.push({
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  });
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited.then(() => Promise.reject(new Error(`node ${name} did not start`)))]);
  return (JSON.parse(line as string) as { mcp: string }).mcp;
}

/** The secret is shown once. */
function token(name: string, ...scopes: string[]): string {
  const shown = execFileSync(process.execPath, [MAIN, 'token', 'add', name, '--scope', ...scopes, '--json', ...settings], { cwd: folder, encoding: 'utf8' });
  return (JSON.parse(shown) as { token: string }).token;
}

/** A client of the 2026 protocol, or, `older`, one of 2025 with a connection of its own. */
async function connect(name: string, url: string, secret: string, older = false): Promise<Caller> {
  const requestInit = { headers: { authorization: `Bearer ${secret}` } };
  const client = older ? new OlderClient({ name, version: '1' }) : new Client({ name, version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const transport = older ? new OlderTransport(new URL(url), { requestInit }) : new StreamableHTTPClientTransport(new URL(url), { requestInit });
  await client.connect(transport as never);
  return {
    close: () => client.close(),
    call: async (tool, args) => {
      const result = await client.callTool({ name: tool, arguments: args });
      if (result.isError === true) throw new Error((result.content as { text: string }[])[0]?.text);
      return result.structuredContent as Reply;
    },
  };
}

/** Until the run stands at this step. */
async function waitsAt(client: Caller, id: unknown, step: string): Promise<void> {
  await client.call('wait', { ids: [id], until: 'waiting', timeout_ms: 20_000 });
  const { steps } = (await client.call('get', { id, view: 'steps' })) as { steps: { step: string; status: string }[] };
  assert.equal(steps.find((each) => each.step === step)?.status, 'waiting');
}

try {
  const secrets = { ada: token('ada', 'read', 'write'), bob: token('bob', 'read', 'write'), paula: token('paula', 'read', 'approve') };
  const [first, second] = [await startNode('one'), await startNode('two')];

  const ada = await connect('ada', first, secrets.ada);
  const { session_id } = await ada.call('create_session', { name: 'release', context: { version: 2 } });
  const { execution_id } = await ada.call('execute_workflow', { definition: RELEASE, session_id });
  await ada.close();
  console.log('node one: ada starts the release in a session, and goes');

  const bob = await connect('bob', second, secrets.bob, true);
  const session = await bob.call('get', { id: session_id });
  assert.deepEqual(session.context, { version: 2 });
  await waitsAt(bob, execution_id, 'review');
  await bob.call('control', { id: execution_id, action: 'approve', step: 'review', approved: true, comment: 'They are.' });
  console.log('node two: bob resumes the session, finds the run at review (by: any), and approves');

  await waitsAt(bob, execution_id, 'publish');
  const refusal = await bob.call('control', { id: execution_id, action: 'approve', step: 'publish', approved: true }).then(
    () => assert.fail('an agent decided for a person'),
    (error: Error) => error.message,
  );
  await waitsAt(bob, execution_id, 'publish');
  console.log(`node two: bob tries publish (by: human) and is refused:\n  ${refusal.split('\n')[0]}`);

  const paula = await connect('paula', first, secrets.paula);
  await paula.call('control', { id: execution_id, action: 'approve', step: 'publish', approved: true });
  console.log('node one: paula, whose token may approve, decides');

  await bob.call('wait', { ids: [execution_id], timeout_ms: 20_000 });
  const { output } = await bob.call('get', { id: execution_id, view: 'output' });
  await Promise.all([bob.close(), paula.close()]);
  console.log(`completed: ${String(output)}`);
} finally {
  await Promise.all(nodes.map((node) => node.stop()));
  rmSync(folder, { recursive: true, force: true });
}
