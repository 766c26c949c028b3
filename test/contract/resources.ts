// Pools, allocations, and jobs that hold parts of pools: all or nothing, in turn, given back whatever ends the holder.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { toPoolSpec } from '../../src/domain/pool-spec.ts';
import { PoolInput, type ResourceRequest } from '../../src/domain/resource.ts';
import type { RetryPolicy } from '../../src/domain/retry-policy.ts';
import type { Backend } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, failed, type MakeBackend } from './harness.ts';

const LEASE = 60_000;
const RETRY: RetryPolicy = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none', nonRetryable: [] };

export async function pool(bench: Bench, name: string, input: PoolInput, backend: Backend = bench.backend): Promise<void> {
  const result = await backend.definePool({ namespace: 'default', pool: toPoolSpec(name, PoolInput.parse(input)), from: 'call' });
  if (result.kind === 'conflict') throw new Error(`${result.error.code}: ${result.error.message}`);
}

export async function allocate(
  bench: Bench,
  request: ResourceRequest,
  more: Partial<Parameters<Backend['allocate']>[0]> = {},
): Promise<{ readonly id: string; readonly status: string }> {
  const result = await bench.backend.allocate({
    id: bench.env.newId('allocation'),
    namespace: 'default',
    request,
    sessionId: null,
    priority: 50,
    leaseMs: LEASE,
    ...more,
  });
  if (result.kind === 'conflict') throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.allocation;
}

export function usedOf(bench: Bench, name: string, key = ''): number | undefined {
  return bench.backend.getPool({ namespace: 'default', name })?.keys.find((one) => one.key === key)?.used;
}

const statusOf = (bench: Bench, id: string): string | undefined => bench.backend.getAllocation(id)?.status;

export function resourcesContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('pools', () => {
    it('are kept as defined, changed as a whole, and told with what is used', async () => {
      const bench = await fresh();
      await pool(bench, 'host', { type: 'compute', capacity: { cores: 8, memory: '16GiB' }, limits: { max: { cores: 4 } } });
      const stored = bench.backend.getPool({ namespace: 'default', name: 'host' });
      expect(stored).toMatchObject({ type: 'compute', refillMs: null, from: 'call', waiting: 0 });
      expect(stored?.keys).toEqual([
        { key: 'cores', unit: 'cores', capacity: 8_000, min: null, max: 4_000, burst: 8_000, used: 0, fullAt: null },
        { key: 'memory', unit: 'GiB', capacity: 16 * 2 ** 30, min: null, max: null, burst: 16 * 2 ** 30, used: 0, fullAt: null },
      ]);
      await pool(bench, 'host', { type: 'compute', capacity: { cores: 2 } });
      expect(bench.backend.listPools({ namespace: 'default' })).toHaveLength(1);
      expect(bench.backend.getPool({ namespace: 'default', name: 'host' })?.keys.map((key) => key.key)).toEqual(['cores']);
      expect(bench.backend.getPool({ namespace: 'elsewhere', name: 'host' })).toBeNull();
    });

    it('refuses another family of units while it exists; a deleted one may come back as anything', async () => {
      const bench = await fresh();
      await pool(bench, 'p', { capacity: '4GiB' });
      await expect(pool(bench, 'p', { capacity: 4 })).rejects.toThrow(/conflict/);
      await expect(pool(bench, 'p', { capacity: '4GiB', refill: '1m' })).rejects.toThrow(/conflict/);
      expect(await bench.backend.deletePool({ namespace: 'default', name: 'p' })).toEqual({ kind: 'deleted' });
      expect(await bench.backend.deletePool({ namespace: 'default', name: 'p' })).toEqual({ kind: 'not_found' });
      await pool(bench, 'p', { capacity: 4 });
      expect(bench.backend.getPool({ namespace: 'default', name: 'p' })?.keys).toMatchObject([{ unit: 'count', capacity: 4 }]);
    });

    it('cannot be deleted while held or waited for', async () => {
      const bench = await fresh();
      await pool(bench, 'p', { capacity: 1 });
      const held = await allocate(bench, { p: 1 });
      expect(await bench.backend.deletePool({ namespace: 'default', name: 'p' })).toMatchObject({ kind: 'conflict', error: { code: 'conflict' } });
      await bench.backend.releaseAllocation({ id: held.id });
      expect(await bench.backend.deletePool({ namespace: 'default', name: 'p' })).toEqual({ kind: 'deleted' });
      expect(bench.backend.requestFault({ namespace: 'default', request: { p: 1 }, path: 'resources' })).toMatchObject({
        code: 'not_found',
        path: 'resources.p',
      });
    });
  });

  describe('requests that can never be met', () => {
    it.each([
      ['an unknown pool', { gpus: 1 }, 'not_found', ['gpu']],
      ['too much', { gpu: 3 }, 'invalid_input', undefined],
      ['a fraction', { gpu: 0.5 }, 'invalid_input', undefined],
      ['another family', { gpu: '1GiB' }, 'invalid_input', undefined],
      ['a key that is none', { gpu: { cards: 1 } }, 'invalid_input', undefined],
      ['no key where there are some', { host: 1 }, 'invalid_input', undefined],
      ['an unknown key', { host: { core: 1 } }, 'invalid_input', ['cores']],
      ['less than the least', { host: { memory: '1MiB' } }, 'invalid_input', undefined],
      ['more than the most', { host: { cores: 3 } }, 'invalid_input', undefined],
    ] as const)('%s', async (_, request, code, near) => {
      const bench = await fresh();
      await pool(bench, 'gpu', { type: 'gpu', capacity: 2 });
      await pool(bench, 'host', { capacity: { cores: 8, memory: '8GiB' }, limits: { min: { memory: '64MiB' }, max: { cores: 2 } } });
      const fault = bench.backend.requestFault({ namespace: 'default', request, path: 'resources' });
      expect(fault).toMatchObject({ code, ...(near === undefined ? {} : { nearMatches: near }) });
      await expect(allocate(bench, request)).rejects.toThrow(new RegExp(code));
      await expect(bench.enqueue({ resources: request })).rejects.toThrow(new RegExp(code));
      expect(bench.backend.listAllocations({ namespace: 'default', limit: 9 })).toEqual([]);
      expect(usedOf(bench, 'gpu')).toBe(0);
    });
  });

  describe('allocations', () => {
    it('hold all or wait with all; whoever gives back admits the next in the same commit', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 2 });
      await pool(bench, 'b', { capacity: 2 });
      const one = await allocate(bench, { a: 2 });
      const both = await allocate(bench, { a: 1, b: 1 });
      expect([one.status, both.status]).toEqual(['held', 'waiting']);
      expect([usedOf(bench, 'a'), usedOf(bench, 'b')]).toEqual([2, 0]);
      expect(bench.backend.getAllocation(both.id)).toMatchObject({ position: 0, resources: { a: 1, b: 1 } });
      expect(await bench.backend.releaseAllocation({ id: one.id })).toMatchObject({ kind: 'released', allocation: { status: 'released' } });
      expect(statusOf(bench, both.id)).toBe('held');
      expect([usedOf(bench, 'a'), usedOf(bench, 'b')]).toEqual([1, 1]);
      expect(await bench.backend.releaseAllocation({ id: one.id })).toMatchObject({ kind: 'ended' });
      expect(await bench.backend.releaseAllocation({ id: 'alloc_none' })).toEqual({ kind: 'not_found' });
      const types = bench.backend.readEvents({ after: 0, limit: 99, types: ['resource_allocated', 'resource_released'] }).map((event) => event.type);
      expect(types).toEqual(['resource_allocated', 'resource_released', 'resource_allocated']);
    });

    it('a large request is not overtaken by small ones; one for other pools passes', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 4 });
      await pool(bench, 'b', { capacity: 1 });
      const small = await allocate(bench, { a: 1 });
      const large = await allocate(bench, { a: 4 });
      const later = await allocate(bench, { a: 1 });
      const other = await allocate(bench, { b: 1 });
      expect([large.status, later.status, other.status]).toEqual(['waiting', 'waiting', 'held']);
      expect(bench.backend.getAllocation(later.id)?.position).toBe(1);
      await bench.backend.releaseAllocation({ id: small.id });
      expect([statusOf(bench, large.id), statusOf(bench, later.id)]).toEqual(['held', 'waiting']);
      await bench.backend.releaseAllocation({ id: large.id });
      expect(statusOf(bench, later.id)).toBe('held');
    });

    it('a higher priority goes first; waiting is worth priority', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      const held = await allocate(bench, { a: 1 });
      const low = await allocate(bench, { a: 1 }, { priority: 10 });
      const high = await allocate(bench, { a: 1 }, { priority: 60 });
      // 51 points at a minute each.
      bench.now += 51 * 60_000;
      const late = await allocate(bench, { a: 1 }, { priority: 60 });
      await bench.backend.releaseAllocation({ id: held.id });
      expect(statusOf(bench, high.id)).toBe('held');
      await bench.backend.releaseAllocation({ id: high.id });
      expect([statusOf(bench, low.id), statusOf(bench, late.id)]).toEqual(['held', 'waiting']);
    });

    it('who gives up the wait lets those behind it go', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 2 });
      await allocate(bench, { a: 1 });
      const large = await allocate(bench, { a: 2 });
      const small = await allocate(bench, { a: 1 });
      expect(await bench.backend.releaseAllocation({ id: large.id })).toMatchObject({ kind: 'released', allocation: { status: 'cancelled' } });
      expect(statusOf(bench, small.id)).toBe('held');
    });

    it('a lease ends unless it is renewed, and the next gets what it held', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      const first = await allocate(bench, { a: 1 });
      const second = await allocate(bench, { a: 1 });
      await bench.pass(LEASE - 1);
      expect(await bench.backend.renewAllocation({ id: first.id })).toMatchObject({ expiresAt: bench.now + LEASE });
      expect(await bench.backend.renewAllocation({ id: second.id })).toBeNull();
      await bench.pass(LEASE - 1);
      expect(statusOf(bench, first.id)).toBe('held');
      await bench.pass(1);
      expect([statusOf(bench, first.id), statusOf(bench, second.id)]).toEqual(['expired', 'held']);
      expect(bench.backend.getAllocation(second.id)?.expiresAt).toBe(bench.now + LEASE);
      await bench.pass(LEASE);
      expect(usedOf(bench, 'a')).toBe(0);
    });

    it('the end of its session gives back what it holds and ends what it waits for', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      const sessionId = await bench.putSession();
      const held = await allocate(bench, { a: 1 }, { sessionId });
      const waiting = await allocate(bench, { a: 1 }, { sessionId });
      await bench.backend.closeSession({ id: sessionId, status: 'completed', policy: 'detach', decide: bench.decide });
      expect([statusOf(bench, held.id), statusOf(bench, waiting.id), usedOf(bench, 'a')]).toEqual(['released', 'cancelled', 0]);
      await expect(allocate(bench, { a: 1 }, { sessionId })).rejects.toThrow(/session_closed/);
    });

    it('the same receipt gives the same allocation again', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 2 });
      const receipt = { principal: 'me', tool: 't', key: 'k', digest: 'd' };
      const first = await allocate(bench, { a: 1 }, { receipt });
      const again = await allocate(bench, { a: 1 }, { receipt });
      expect(again.id).toBe(first.id);
      expect(usedOf(bench, 'a')).toBe(1);
    });

    it('a larger pool admits who waits; a smaller one waits for its holders', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      const [first, second, third] = [await allocate(bench, { a: 1 }), await allocate(bench, { a: 1 }), await allocate(bench, { a: 1 })];
      await pool(bench, 'a', { capacity: 2 });
      expect([statusOf(bench, second.id), statusOf(bench, third.id)]).toEqual(['held', 'waiting']);
      await pool(bench, 'a', { capacity: 1 });
      await bench.backend.releaseAllocation({ id: first.id });
      expect(statusOf(bench, third.id)).toBe('waiting');
      await bench.backend.releaseAllocation({ id: second.id });
      expect(statusOf(bench, third.id)).toBe('held');
    });
  });

  describe('quotas that refill', () => {
    it('give what has come back, never more than the bucket, and nothing back at a release', async () => {
      const bench = await fresh();
      await pool(bench, 'api', { type: 'api_quota', capacity: 60, refill: '1m', limits: { burst: 10 } });
      const first = await allocate(bench, { api: 10 });
      await bench.backend.releaseAllocation({ id: first.id });
      const second = await allocate(bench, { api: 3 });
      expect([first.status, second.status]).toEqual(['held', 'waiting']);
      await bench.pass(2_999);
      expect(statusOf(bench, second.id)).toBe('waiting');
      await bench.pass(1);
      expect(statusOf(bench, second.id)).toBe('held');
      await expect(allocate(bench, { api: 11 })).rejects.toThrow(/invalid_input/);
      await bench.pass(600_000);
      expect(usedOf(bench, 'api')).toBe(0);
      expect((await allocate(bench, { api: 10 })).status).toBe('held');
      expect((await allocate(bench, { api: 1 })).status).toBe('waiting');
    });

    it('jobs are claimed at the pace of the quota', async () => {
      const bench = await fresh();
      await pool(bench, 'api', { type: 'api_quota', capacity: 60, refill: '1m', limits: { burst: 2 } });
      for (let i = 0; i < 5; i++) await bench.enqueue({ resources: { api: 1 } });
      expect(await bench.claim(9)).toHaveLength(2);
      expect(await bench.claim(9)).toHaveLength(0);
      const paces: number[] = [];
      for (let i = 0; i < 4; i++) {
        await bench.pass(1_000);
        paces.push((await bench.claim(9)).length);
      }
      expect(paces).toEqual([1, 1, 1, 0]);
    });
  });

  describe('jobs that hold resources', () => {
    it('run as many at once as the pool lets; each end starts the next', async () => {
      const bench = await fresh();
      await pool(bench, 'gpu', { capacity: 2 });
      for (let i = 0; i < 5; i++) await bench.enqueue({ resources: { gpu: 1 } });
      const running = [...(await bench.claim(9))];
      expect(running).toHaveLength(2);
      expect(usedOf(bench, 'gpu')).toBe(2);
      expect(await bench.claim(9)).toEqual([]);
      const held = bench.backend.poolHolders({ namespace: 'default', name: 'gpu', limit: 9 });
      expect(held.held.map((one) => one.id)).toEqual(running.map((job) => job.jobId));
      expect(held.waiting).toHaveLength(3);
      let ran = 0;
      for (; running.length > 0; ran++) {
        await bench.settle(running.shift() as never);
        running.push(...(await bench.claim(9)));
        expect(usedOf(bench, 'gpu')).toBe(running.length);
      }
      expect(ran).toBe(5);
    });

    it('a ready job holds nothing: a lane that nobody serves keeps no other one waiting', async () => {
      const bench = await fresh();
      await pool(bench, 'gpu', { capacity: 1 });
      for (let i = 0; i < 3; i++) await bench.enqueue({ resources: { gpu: 1 }, requires: ['rare'], priority: 90 });
      const job = await bench.enqueue({ resources: { gpu: 1 } });
      expect((await bench.claim(9)).map((one) => one.jobId)).toEqual([job]);
    });

    it('a large job gets its turn among small ones of its own and of other lanes', async () => {
      const bench = await fresh();
      await pool(bench, 'm', { capacity: 4 });
      for (let i = 0; i < 4; i++) await bench.enqueue({ resources: { m: 1 } });
      const small = [...(await bench.claim(9))];
      bench.now++;
      const large = await bench.enqueue({ resources: { m: 4 } });
      bench.now++;
      for (let i = 0; i < 3; i++) await bench.enqueue({ resources: { m: 1 } });
      for (let i = 0; i < 3; i++) await bench.enqueue({ resources: { m: 1 }, requires: ['x'] });
      const offered = { capabilities: ['x'] };
      for (const job of small) {
        expect(await bench.claim(9, offered)).toEqual([]);
        await bench.settle(job);
      }
      const next = await bench.claim(9, offered);
      expect(next.map((job) => job.jobId)).toEqual([large]);
      await bench.settle(next[0] as never);
      expect(await bench.claim(9, offered)).toHaveLength(4);
    });

    it('whoever has the turn and is not claimed holds up the others for half a minute at most', async () => {
      const bench = await fresh();
      await pool(bench, 'm', { capacity: 2 });
      const first = await bench.enqueue({ resources: { m: 1 } });
      const [running] = await bench.claim(1);
      expect(running?.jobId).toBe(first);
      await bench.enqueue({ resources: { m: 2 }, requires: ['x'], priority: 90 });
      expect(await bench.claim(9, { capabilities: ['x'] })).toEqual([]);
      await bench.settle(running as never);
      const small = await bench.enqueue({ resources: { m: 1 } });
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(30_000);
      expect((await bench.claim(9)).map((job) => job.jobId)).toEqual([small]);
    });

    it('a job whose pool is full blocks no other one whose pools are free', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      await pool(bench, 'b', { capacity: 1 });
      await allocate(bench, { a: 1 });
      await bench.enqueue({ resources: { a: 1 }, priority: 90 });
      await bench.enqueue({ resources: { a: 1, b: 1 }, priority: 90 });
      const free = await bench.enqueue({ resources: { b: 1 } });
      expect((await bench.claim(9)).map((job) => job.jobId)).toEqual([free]);
    });

    it('gives back what it holds at a failure, while it waits to try again, and at a cancel', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      const id = await bench.enqueue({ resources: { a: 1 }, retry: RETRY });
      await bench.settle(await bench.claimOne(), failed());
      expect([bench.status(id), usedOf(bench, 'a')]).toEqual(['retry', 0]);
      const other = await bench.enqueue({ resources: { a: 1 } });
      const [running] = await bench.claim(9);
      expect(running?.jobId).toBe(other);
      await bench.pass(1_000);
      expect(await bench.claim(9)).toEqual([]);
      await bench.cancel(id);
      const third = await bench.enqueue({ resources: { a: 1 } });
      await bench.settle(running as never);
      await bench.due();
      expect((await bench.claim(9)).map((job) => job.jobId)).toEqual([third]);
      expect(bench.backend.getJob(third)?.resources).toEqual({ a: 1 });
    });

    it('what a dead process held is free again with its jobs', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 1 });
      const epoch = await bench.join();
      await bench.enqueue({ resources: { a: 1 } });
      expect(await bench.claim(1, { epoch })).toHaveLength(1);
      expect(usedOf(bench, 'a')).toBe(1);
      await bench.backend.leave({ epoch, decide: bench.decide });
      expect(usedOf(bench, 'a')).toBe(0);
      expect(await bench.claim(1)).toHaveLength(1);
    });

    it('two processes never hold more than there is', async () => {
      if (!capabilities.shared) return;
      const bench = await fresh();
      const second = await bench.another();
      const epoch = await bench.join(second);
      await pool(bench, 'a', { capacity: 3 });
      for (let i = 0; i < 8; i++) await bench.enqueue({ resources: { a: 1 } });
      await bench.settled();
      const claims = await Promise.all([bench.claim(4), bench.claim(4, { backend: second, epoch })]);
      expect(claims.flat()).toHaveLength(3);
      expect(usedOf(bench, 'a')).toBe(3);
    });
  });

  describe('steps', () => {
    it('a step, and each item of a forEach, holds its resources while it runs', async () => {
      const bench = await fresh();
      await pool(bench, 'gpu', { capacity: 2 });
      const flow = await bench.define({ steps: [{ id: 'all', task: 'x', forEach: [1, 2, 3, 4, 5], resources: { gpu: 1 } }] });
      const run = await bench.start(flow);
      const first = await bench.claim(9);
      expect([first.length, usedOf(bench, 'gpu')]).toEqual([2, 2]);
      for (const job of first) await bench.settle(job);
      await bench.work();
      expect([bench.status(run), usedOf(bench, 'gpu')]).toEqual(['completed', 0]);
    });

    it('waits for a pool that is not there, and goes on when it is', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x', resources: { later: 1 } }] }));
      expect(await bench.claim(9)).toEqual([]);
      const [job] = bench.backend.listJobs({ filter: { executionId: run }, limit: 9, cursor: null }).items;
      expect(job).toMatchObject({ gate: 'a:?', resources: { later: 1 } });
      await pool(bench, 'later', { capacity: 1 });
      await bench.work();
      expect(bench.status(run)).toBe('completed');
    });

    it('resource.acquire waits without a worker, the run holds it until resource.release or its end', async () => {
      const bench = await fresh();
      await pool(bench, 'lock', { type: 'lock' });
      const raw: JsonObject = {
        steps: [
          { id: 'get', task: 'resource.acquire', with: { resources: { lock: 1 } } },
          { id: 'work', needs: ['get'], task: 'x' },
          { id: 'give', needs: ['work'], task: 'resource.release', with: { allocation: '${{ steps.get.output }}' } },
          { id: 'after', needs: ['give'], task: 'x' },
        ],
      };
      const flow = await bench.define(raw);
      const [first, second] = [await bench.start(flow), await bench.start(flow)];
      await bench.drain();
      expect([bench.step(first, 'get'), bench.step(second, 'get')]).toEqual(['completed', 'waiting']);
      expect(bench.backend.getOutput({ executionId: first, stepId: 'get' })).toMatch(/^alloc_/);
      await bench.settle(await bench.claimOne());
      await bench.drain();
      expect([bench.step(first, 'give'), bench.step(second, 'get')]).toEqual(['completed', 'completed']);
      await bench.work();
      expect([bench.status(first), bench.status(second), usedOf(bench, 'lock')]).toEqual(['completed', 'completed', 0]);
    });

    it('a timeout, a cancel and the end of the run give back or end the wait; what cannot be had fails by name', async () => {
      const bench = await fresh();
      await pool(bench, 'lock', { type: 'lock' });
      const acquire = (more: JsonObject = {}): JsonObject => ({ id: 'get', task: 'resource.acquire', with: { resources: { lock: 1 } }, ...more });
      const holding = await bench.start(await bench.define({ steps: [acquire(), { id: 'x', needs: ['get'], task: 'x' }] }));
      await bench.drain();
      const timed = await bench.start(await bench.define({ steps: [acquire({ timeout: '5s' })] }));
      const waiting = await bench.start(await bench.define({ steps: [acquire()] }));
      await bench.drain();
      await bench.pass(5_000);
      expect([bench.status(timed), bench.status(waiting)]).toEqual(['failed', 'waiting']);
      await bench.send(holding, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      await bench.drain();
      expect([bench.status(holding), bench.status(waiting), usedOf(bench, 'lock')]).toEqual(['cancelled', 'completed', 0]);
      const wrong = await bench.start(await bench.define({ steps: [{ id: 'get', task: 'resource.acquire', with: { resources: { nope: 1 } } }] }));
      await bench.drain();
      expect(bench.backend.getExecution(wrong)).toMatchObject({ status: 'failed', error: { message: expect.stringMatching(/nope/) } });
      const other = await bench.start(await bench.define({ steps: [{ id: 'give', task: 'resource.release', with: { allocation: 'alloc_none' } }] }));
      expect(bench.step(other, 'give')).toBe('failed');
    });
  });

  describe('use', () => {
    it('keeps how much was held and how long was waited, by minute and hour, and the newest holds', async () => {
      const bench = await fresh();
      await pool(bench, 'a', { capacity: 2 });
      const start = bench.now;
      const first = await allocate(bench, { a: 2 });
      const second = await allocate(bench, { a: 1 });
      bench.now += 30_000;
      await bench.backend.releaseAllocation({ id: first.id });
      bench.now += 10_000;
      await bench.backend.releaseAllocation({ id: second.id });
      const minutes = bench.backend.poolUse({ namespace: 'default', name: 'a', hourly: false, since: start - 60_000 })[''] ?? [];
      const sum = (of: 'grants' | 'amount' | 'area' | 'waited' | 'waitMs'): number => minutes.reduce((total, one) => total + one[of], 0);
      expect([sum('grants'), sum('amount'), sum('area'), sum('waited'), sum('waitMs')]).toEqual([2, 3, 2 * 30_000 + 10_000, 1, 30_000]);
      expect(Math.max(...minutes.map((one) => one.peak))).toBe(2);
      const hours = bench.backend.poolUse({ namespace: 'default', name: 'a', hourly: true, since: start - 3_600_000 })[''] ?? [];
      expect(hours.reduce((total, one) => total + one.area, 0)).toBe(70_000);
      expect(bench.backend.recordedHolds({ namespace: 'default', name: 'a', key: '' })).toEqual([
        { arrivedAt: start, grantedAt: start, endedAt: start + 30_000, amount: 2 },
        { arrivedAt: start, grantedAt: start + 30_000, endedAt: start + 40_000, amount: 1 },
      ]);
    });
  });
}
