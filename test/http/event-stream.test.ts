// The event log as Server-Sent Events: every entry once and in order, over reconnects and restarts, for each only what it may see, in bounded memory.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { EventStreams } from '../../src/http/api/event-streams.ts';
import type { Exchange } from '../../src/http/gate.ts';
import { silentLogger } from '../../src/logger.ts';
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { api, httpPlace, type Reply } from '../support/http-server.ts';
import { atEnd, engineFor, tempFolder } from '../support/test-engine.ts';

interface Block {
  readonly id: number;
  readonly event?: string;
  readonly data?: Reply;
}

interface Follower {
  /** The next block that carries an event. */
  next(): Promise<Block>;
  /** The next block of any kind; null when the stream has ended. */
  block(): Promise<Block | null>;
  readonly lastId: () => number;
  leave(): Promise<void>;
}

async function follow(url: string, query = '', headers: Record<string, string> = {}): Promise<Follower> {
  const answer = await fetch(`${url}/api/v1/events${query}`, { headers });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let lastId = 0;
  const block = async (): Promise<Block | null> => {
    for (let end = rest.indexOf('\n\n'); end < 0; end = rest.indexOf('\n\n')) {
      const piece = await reader.read();
      if (piece.done) return null;
      rest += piece.value;
    }
    const lines = rest.slice(0, rest.indexOf('\n\n')).split('\n');
    rest = rest.slice(rest.indexOf('\n\n') + 2);
    const field = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    lastId = Number(field('id') ?? lastId);
    const data = field('data');
    return { id: lastId, event: field('event'), data: data === undefined ? undefined : (JSON.parse(data) as Reply) } as Block;
  };
  const leave = async (): Promise<void> => reader.cancel().catch(() => undefined);
  atEnd(leave);
  return {
    block,
    next: async () => {
      for (;;) {
        const found = await block();
        if (found === null) throw new Error('the stream ended');
        if (found.event !== undefined) return found;
      }
    },
    lastId: () => lastId,
    leave,
  };
}

async function echo(url: string, token?: string, extra: Record<string, unknown> = {}): Promise<string> {
  return (await api(url, token)('POST /jobs', { task: 'echo', payload: { value: 1 }, wait_ms: 10_000, ...extra })).body.job_id as string;
}

/** All entries of the log, as the store tells them. */
function logOf(engine: OrchestrationEngine): { readonly cursor: number; readonly type: string }[] {
  return engine.backend.readEvents({ after: 0, limit: 10_000, namespace: 'test' }).map(({ cursor, type }) => ({ cursor, type }));
}

describe('the event stream', () => {
  it('tells what happens from now on, with cursor, type and what it concerns', async () => {
    const { url } = await httpPlace();
    await echo(url);
    const stream = await follow(url);
    const job = await echo(url);
    expect(await stream.next()).toMatchObject({ event: 'job_enqueued', data: { type: 'job_enqueued', job_id: job } });
    const ended = await stream.next();
    expect(ended).toMatchObject({ event: 'job_completed', data: { job_id: job, cursor: ended.id } });
  });

  it('goes on after a cursor or the last id, over a restart too, without a gap and without a double', async () => {
    const dataDir = tempFolder();
    const first = await httpPlace({ dataDir });
    const seen: Block[] = [];
    const before = await follow(first.url, '?after=0');
    await echo(first.url);
    seen.push(await before.next(), await before.next());
    await before.leave();
    await echo(first.url);
    await first.server.stop();
    const second = await httpPlace({ dataDir });
    await echo(second.url);
    // The address is still that of the beginning: the last id goes before it.
    const after = await follow(second.url, '?after=0', { 'last-event-id': String(seen.at(-1)?.id) });
    for (const last = second.server.engine.backend.lastCursor(); seen.at(-1)?.id !== last; ) seen.push(await after.next());
    await echo(second.url);
    for (const last = second.server.engine.backend.lastCursor(); seen.at(-1)?.id !== last; ) seen.push(await after.next());
    expect(seen.map(({ id, event }) => ({ cursor: id, type: event }))).toEqual(logOf(second.server.engine));
  });

  it('gives each of many who begin at different places the same log, while more is written', async () => {
    const { url, server } = await httpPlace();
    const call = api(url);
    await call('POST /jobs', { jobs: Array.from({ length: 400 }, (_, value) => ({ task: 'echo', payload: { value } })) });
    const streams = await Promise.all([0, 0, 100, 250].map((after) => follow(url, `?after=${after}`)));
    const { batch_id } = (await call('POST /jobs', { jobs: Array.from({ length: 400 }, (_, value) => ({ task: 'echo', payload: { value } })) })).body;
    await call(`GET /jobs/${batch_id}/wait?timeout_ms=30000`);
    const log = logOf(server.engine);
    const last = log.at(-1)?.cursor as number;
    for (const [at, stream] of streams.entries()) {
      const ids: number[] = [];
      while (ids.at(-1) !== last) ids.push((await stream.next()).id);
      expect(ids).toEqual(log.map(({ cursor }) => cursor).filter((cursor) => cursor > ([0, 0, 100, 250][at] as number)));
    }
  });

  it('is narrowed by types and ids; a mistake is told before anything is sent', async () => {
    const { url } = await httpPlace();
    const call = api(url);
    const session = (await call('POST /sessions', {})).body.session_id;
    const other = await echo(url);
    const mine = await echo(url, undefined, { session_id: session });
    const definition = { name: 'two', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] };
    const run = (await call('POST /executions', { definition, wait_ms: 10_000 })).body.execution_id;
    const schedule = (await call('POST /schedules/cron', { name: 'n', expression: '@daily', target: { task: 'echo', input: { value: 1 } } })).body.schedule_id;
    const heads = async (query: string, count: number): Promise<unknown[]> => {
      const stream = await follow(url, `?after=0&${query}`);
      const blocks: Block[] = [];
      while (blocks.length < count) blocks.push(await stream.next());
      return blocks.map(({ event, data }) => [event, data?.job_id ?? data?.execution_id ?? data?.session_id]);
    };
    expect(await heads('types=job_completed', 2)).toEqual([
      ['job_completed', other],
      ['job_completed', mine],
    ]);
    expect(await heads(`job_id=${mine}`, 2)).toEqual([
      ['job_enqueued', mine],
      ['job_completed', mine],
    ]);
    expect(await heads(`session_id=${session}&types=job_enqueued,session_created`, 2)).toEqual([
      ['session_created', session],
      ['job_enqueued', mine],
    ]);
    expect((await heads(`execution_id=${run}`, 2)).map((head) => (head as string[])[0])).toEqual(['workflow_started', expect.any(String)]);
    expect((await heads(`schedule_id=${schedule}`, 1)).map((head) => (head as string[])[0])).toEqual(['schedule_created']);
    for (const [query, status, error] of [
      ['types=job_complete', 400, { path: 'types', near_matches: expect.arrayContaining(['job_completed']) }],
      ['typ=job_completed', 400, { path: 'typ', near_matches: ['types'] }],
      ['after=x', 400, { path: 'after' }],
      ['after=-1', 400, { path: 'after' }],
      ['after=999999', 400, { path: 'after' }],
      [`execution_id=exec_${'0'.repeat(26)}`, 404, { path: 'execution_id' }],
      ['job_id=nothing', 404, { path: 'job_id' }],
    ] as const)
      expect.soft(await call(`GET /events?${query}`), query).toMatchObject({ status, body: { error } });
    expect((await call('GET /events', undefined, { headers: { 'last-event-id': 'x' } })).body).toMatchObject({ error: { path: 'Last-Event-ID' } });
    expect((await fetch(`${url}/api/v1/events`, { method: 'HEAD' })).status).toBe(405);
  });

  it('shows a quiet reader that it is open, and moves its last id on past what it does not want', async () => {
    const place = await httpPlace();
    const stream = await follow(place.url, '?types=workflow_failed');
    const { id } = (await stream.block()) as Block;
    const all = await follow(place.url);
    await echo(place.url);
    while (all.lastId() < place.server.engine.backend.lastCursor()) await all.block();
    place.later(20_000);
    await place.server.tick();
    expect(await stream.block()).toMatchObject({ event: undefined, data: undefined });
    expect(stream.lastId()).toBeGreaterThan(id);
    expect(stream.lastId()).toBe(place.server.engine.backend.lastCursor());
  });

  it('refuses a cursor after which entries were removed, with the first that misses nothing', async () => {
    const place = await httpPlace();
    const { url, server } = place;
    await echo(url);
    const early = server.engine.backend.readEvents({ after: 0, limit: 1, namespace: 'test' })[0]?.cursor as number;
    const gone = server.engine.backend.lastCursor();
    const live = await follow(url, '?after=0');
    expect((await live.next()).id).toBe(early);
    const { removed } = await server.engine.backend.retain({ olderThan: Date.now() + 60_000, keepExecutions: 0, limit: 1_000 });
    expect(removed).toBeGreaterThan(0);
    const refused = await api(url)(`GET /events?after=${early}`);
    expect(refused).toMatchObject({ status: 410, body: { error: { code: 'cursor_expired', details: { first_cursor: gone } } } });
    const on = await follow(url, `?after=${gone}`);
    const job = await echo(url);
    expect(await on.next()).toMatchObject({ event: 'job_enqueued', data: { job_id: job } });
    // All that is kept is no claim to have all.
    expect(await (await follow(url, '?after=0')).next()).toMatchObject({ data: { job_id: job } });
    // Over the tools it is told the same way.
    expect(await api(url)('POST /tools/list', { kind: 'events', cursor: String(early) })).toMatchObject({ status: 410 });
  });
});

describe('subscribers', () => {
  it('hear of their own tenant only', async () => {
    const { url, token } = await httpPlace({}, { tokens: { mine: ['read', 'write'] } });
    const [me, they] = [token('me', ['read', 'write']), token('they', ['read', 'write'], 'acme')];
    const streams = { me: await follow(url, '', { authorization: `Bearer ${me}` }), they: await follow(url, '', { authorization: `Bearer ${they}` }) };
    const theirs = await echo(url, they);
    const mine = await echo(url, me);
    for (const [stream, job] of [
      [streams.me, mine],
      [streams.they, theirs],
    ] as const) {
      expect((await stream.next()).data).toMatchObject({ job_id: job });
      expect((await stream.next()).data).toMatchObject({ job_id: job });
    }
    // From the start of the log, too.
    const whole = await follow(url, '?after=0', { authorization: `Bearer ${me}` });
    expect((await whole.next()).data).toMatchObject({ type: 'worker_joined' });
    expect((await whole.next()).data).toMatchObject({ job_id: mine });
  });

  it('are counted per token, and let go when the token is over or the server stops', async () => {
    const place = await httpPlace({ serve: { maxStreams: 2 } }, { tokens: { a: ['read', 'write'], b: ['read'] } });
    const a = { authorization: `Bearer ${place.secrets.a}` };
    const first = await follow(place.url, '', a);
    const second = await follow(place.url, '', a);
    const third = await fetch(`${place.url}/api/v1/events`, { headers: a });
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await third.json()).toMatchObject({ error: { code: 'rate_limited' } });
    const other = await follow(place.url, '', { authorization: `Bearer ${place.secrets.b}` });
    place.tokens.revoke('b');
    await place.server.tick();
    await other.block();
    expect(await other.block()).toBeNull();
    await first.leave();
    // Its place is free as soon as the server has seen it go.
    for (
      let tries = 0;
      (await fetch(`${place.url}/api/v1/events`, { headers: a }).then(async (answer) => [answer.status, await answer.body?.cancel()]))[0] !== 200;
      tries++
    )
      expect(tries).toBeLessThan(500);
    await place.server.stop();
    await second.block();
    expect(await second.block()).toBeNull();
  });

  it('that read nothing hold up nobody, take bounded memory, and are dropped to come back from the log', async () => {
    const engine = await engineFor({});
    let now = 1_000_000;
    const streams = new EventStreams({ logger: silentLogger(), now: () => now });
    const slow = responseOf();
    const quick = responseOf();
    const open = [slow, quick].map((response) => streams.open(engine, exchangeOf(response)));
    let heard = '';
    quick.setEncoding('utf8').on('data', (chunk: string) => {
      heard += chunk;
    });
    for (let batch = 0; batch < 5; batch++)
      await engine.enqueue(Array.from({ length: 2_000 }, () => ({ task: 'echo', payload: { value: 1 }, delay: '1h' })) as never, LOCAL_HUMAN);
    const last = engine.backend.lastCursor();
    while (!heard.includes(`id: ${last}\n`)) await once(quick, 'data');
    expect(cursorsIn(heard)).toEqual(engine.backend.readEvents({ after: cursorsIn(heard)[0]! - 1, limit: 20_000 }).map(({ cursor }) => cursor));
    // More than a megabyte was told; of it no more than a piece beyond the buffers of its own connection is held.
    expect(heard.length).toBeGreaterThan(1_000_000);
    expect(slow.readableLength + slow.writableLength).toBeLessThan(4 * BUFFER);
    now += 29_000;
    streams.tick(() => false);
    expect([slow.destroyed, streams.size]).toEqual([false, 2]);
    now += 1_000;
    let left = await taken(slow);
    now += 29_000;
    streams.tick(() => false);
    // It took something meanwhile.
    expect(slow.destroyed).toBe(false);
    left += await taken(slow);
    const reached = cursorsIn(left).at(-1)!;
    now += 31_000;
    streams.tick(() => false);
    expect([slow.destroyed, quick.destroyed]).toEqual([true, false]);
    await open[0];
    expect(streams.size).toBe(1);
    expect(reached).toBeLessThan(last);
    const back = responseOf();
    const again = streams.open(engine, exchangeOf(back, { 'last-event-id': String(reached) }));
    let rest = '';
    back.setEncoding('utf8').on('data', (chunk: string) => {
      rest += chunk;
    });
    while (!rest.includes(`id: ${last}\n`)) await once(back, 'data');
    expect(cursorsIn(rest)).toEqual(cursorsIn(heard).filter((cursor) => cursor > reached));
    streams.close();
    await Promise.all([open[1], again]);
    expect(streams.size).toBe(0);
  });
});

const BUFFER = 16_384;

/** An answer whose reader takes what it likes, and buffers that are known. */
function responseOf(): PassThrough {
  return Object.assign(new PassThrough({ highWaterMark: BUFFER }), { writeHead: () => undefined });
}

function exchangeOf(response: PassThrough, headers: Record<string, string> = {}): Exchange {
  const principal = { id: 'token:t', scopes: new Set(['read']), namespace: 'test', expiresAt: null };
  return { request: { url: '/api/v1/events', headers }, response, principal, body: undefined, lasts: () => undefined } as unknown as Exchange;
}

/** Takes what is there once; the rest is written until nothing fits any more. */
async function taken(response: PassThrough): Promise<string> {
  const drained = once(response, 'drain');
  const text = String(response.read());
  await drained;
  while (!response.writableNeedDrain) await new Promise(setImmediate);
  return text;
}

function cursorsIn(text: string): number[] {
  return [...text.matchAll(/^id: (\d+)\nevent/gm)].map(([, id]) => Number(id));
}
