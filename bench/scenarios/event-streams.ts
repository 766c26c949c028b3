// Owns the cost of telling many at once: a thousand subscribers of the event log on one server, one event at a time and a burst.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { HttpClient, startHttp } from '../support/http-client.ts';
import { rssMb } from '../support/machine.ts';
import { type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';
import { ourServer } from '../support/servers.ts';

const SUBSCRIBERS = 1_000;
const EVENTS = 60;
const WARM_UP = 10;
const BURST = 500;
/** Connections that are being opened at once. */
const AT_ONCE = 100;

export const eventStreams: Scenario = {
  name: 'event-streams',
  title: `${SUBSCRIBERS} subscribers of the event log`,
  async run(context: Context): Promise<readonly Figure[]> {
    const { args, env } = ourServer(context);
    const server = await startHttp({ args: [...args, 'serve', '--port', '0', '--json'], env });
    const control = new HttpClient(server.url, '2026', 1);
    await control.call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 });
    const before = rssMb(server.child.pid);
    const all: Subscriber[] = [];
    for (let opened = 0; opened < SUBSCRIBERS; opened += AT_ONCE)
      all.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => subscribe(server.url)))));
    const during = rssMb(server.child.pid);
    const took: number[] = [];
    for (let event = 0; event < EVENTS; event++) {
      const started = performance.now();
      const heard = all.map((each) => each.hears(1).then(() => performance.now() - started));
      await control.call('enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h' });
      const times = await Promise.all(heard);
      if (event >= WARM_UP) took.push(...times);
    }
    const started = performance.now();
    const heard = Promise.all(all.map((each) => each.hears(BURST)));
    await control.call('enqueue_job', { jobs: Array.from({ length: BURST }, () => ({ task: 'echo', payload: { value: 1 }, delay: '1h' })) });
    await heard;
    const seconds = (performance.now() - started) / 1_000;
    const after = rssMb(server.child.pid);
    for (const { socket } of all) socket.destroy();
    await control.close();
    await server.stop();
    return [
      { name: 'one event, from the call to a subscriber, p50', value: percentile(took, 0.5), unit: 'ms' },
      { name: 'one event, from the call to a subscriber, p99', value: percentile(took, 0.99), unit: 'ms' },
      { name: `a burst of ${BURST} events to all`, value: (BURST * SUBSCRIBERS) / seconds, unit: 'events/s' },
      ...(before === null || during === null || after === null
        ? []
        : [
            { name: 'memory of the server more, while they listen', value: during - before, unit: 'MB' },
            { name: 'memory of the server more, after the burst', value: after - before, unit: 'MB' },
          ]),
    ];
  },
};

interface Subscriber {
  readonly socket: Socket;
  /** Resolves when this many more events have come. */
  hears(count: number): Promise<void>;
}

/** Counts events without parsing them: what is measured is the server. */
async function subscribe(url: string): Promise<Subscriber> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write('GET /api/v1/events?types=job_enqueued HTTP/1.1\r\nhost: localhost\r\n\r\n');
  // With the headers come the first id and the way to come back.
  await once(socket, 'data');
  let left = 0;
  let rest = '';
  let done: (() => void) | null = null;
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const text = rest + chunk;
    for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + 1)) left--;
    // A mark may lie across two chunks.
    rest = text.slice(1 - MARK.length);
    if (left <= 0) done?.();
  });
  return {
    socket,
    hears: (count) =>
      new Promise((resolve) => {
        left = count;
        done = resolve;
      }),
  };
}

const MARK = '\nevent: ';
