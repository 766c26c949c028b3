// Owns the thread that user code runs in: it takes requests one by one and answers each with logs and one reply.
import { parentPort } from 'node:worker_threads';
import { createSandbox, type SandboxReply, type SandboxRequest } from './code-sandbox.ts';

/** What the thread sends: once `ready`, then for each request any number of `log` and one `done`. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'log'; readonly level: string; readonly text: string }
  | { readonly type: 'done'; readonly reply: SandboxReply; readonly usable: boolean };

if (parentPort !== null) {
  const port = parentPort;
  const send = (message: WorkerMessage): void => port.postMessage(message);
  const sandbox = await createSandbox();
  port.on('message', (request: SandboxRequest) => {
    const reply = sandbox.run(request, (level, text) => send({ type: 'log', level, text }));
    send({ type: 'done', reply, usable: sandbox.usable() });
  });
  send({ type: 'ready' });
}
