// Owns a crowd of connections in a process of their own: opens them, asks once on each, tells what was heard, and holds on until its input ends.
import { connect, type Socket } from 'node:net';

const [url = '', count = '0'] = process.argv.slice(2);
const { hostname, port } = new URL(url);
/** A queue of connections that nobody has accepted yet holds 511. */
const AT_ONCE = 100;
const heard: Record<string, number> = {};
const open: Socket[] = [];

function ask(): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const tell = (status: string): void => {
      if (told) return;
      told = true;
      heard[status] = (heard[status] ?? 0) + 1;
      resolve();
    };
    const socket = connect(Number(port), hostname, () => socket.write(`GET /healthz HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`));
    socket.setEncoding('utf8').on('data', (chunk: string) => tell(/^HTTP\/1\.1 (\d+)/.exec(chunk)?.[1] ?? '?'));
    socket.on('error', () => tell('0'));
    socket.on('close', () => tell('0'));
    open.push(socket);
  });
}

for (let left = Number(count); left > 0; left -= AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, ask));
process.stdout.write(`${JSON.stringify(heard)}\n`);
process.stdin.resume().once('end', () => process.exit(0));
