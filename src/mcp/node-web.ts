// Owns the step between node:http and the Request and Response of the web, in which the SDK speaks; the body was read before and goes beside the request.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Without a body: whoever serves it is given the parsed one. `signal` is aborted when the client goes before the answer is written. */
export function toRequest(request: IncomingMessage, response: ServerResponse): Request {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string') headers.set(name, value);
    else for (const item of value ?? []) headers.append(name, item);
  }
  return new Request(`http://localhost${request.url ?? '/'}`, { method: request.method ?? 'GET', headers, signal: gone.signal });
}

/** Writes an answer as it comes; a client that goes ends the stream at its source. */
export async function writeResponse(answer: Response, response: ServerResponse): Promise<void> {
  if (response.destroyed) {
    await answer.body?.cancel().catch(() => undefined);
    return;
  }
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  // Headers and a text leave in one write, with a length; in pieces they are several system calls, which cost more than all else that a short answer does.
  if (answer.body === null) response.end();
  else if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true) await writeStream(answer.body, response);
  else response.end(await answer.text());
}

/** A stream is open before its first event, unless that comes at once. */
const OPEN_AFTER_MS = 10;

async function writeStream(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  response.once('close', stop);
  const open = setTimeout(() => response.flushHeaders(), OPEN_AFTER_MS);
  try {
    let chunk = await reader.read();
    clearTimeout(open);
    while (!chunk.done) {
      if (response.destroyed) return;
      const following = reader.read();
      // A short answer ends in the turn in which it begins: then it leaves in one piece.
      const soon = await Promise.race([following, nextTurn()]);
      if (soon?.done === true) {
        response.end(Buffer.from(chunk.value).toString());
        return;
      }
      if (!response.write(chunk.value)) await drained(response);
      chunk = await following;
    }
  } catch {
    // The source broke off, so does the answer; an end that it lacks tells the client.
    response.destroy();
    return;
  } finally {
    clearTimeout(open);
    response.removeListener('close', stop);
  }
  response.end();
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}

/** When a reader that is slower than we are has taken what was written, or is gone. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.removeListener('drain', done);
      response.removeListener('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
