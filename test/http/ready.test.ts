// /readyz is honest: it says no while this process could not do what it is asked, and yes again once it can.
import { describe, expect, it } from 'vitest';
import { LogisticsError, StoreError } from '../../src/domain/errors.ts';
import { CommitMeter } from '../../src/store/sqlite/commit-meter.ts';
import { GroupCommit } from '../../src/store/sqlite/group-commit.ts';
import { httpPlace } from '../support/http-server.ts';

const ready = async (url: string): Promise<readonly [number, unknown]> => {
  const response = await fetch(`${url}/readyz`);
  return [response.status, await response.json()];
};

describe('GET /readyz', () => {
  it('is 200 while the store can be written, and 503 with the code while it cannot', async () => {
    const { url, server } = await httpPlace();
    expect(await ready(url)).toEqual([200, { ready: true }]);
    const { backend } = server.engine;
    const state = backend.writerState;
    const fault = new StoreError('store_full', 'No space is left.').toData();
    backend.writerState = () => ({ ...state(), fault });
    expect(await ready(url)).toEqual([503, { ready: false, code: 'store_full' }]);
    backend.writerState = state;
    expect(await ready(url)).toEqual([200, { ready: true }]);
  });

  it('is 503 when the store cannot be read, and once the engine stops', async () => {
    const { url, server } = await httpPlace();
    const { backend } = server.engine;
    const read = backend.lastCursor;
    backend.lastCursor = () => {
      throw new LogisticsError('store_unavailable', 'The file is gone.');
    };
    expect(await ready(url)).toEqual([503, { ready: false, code: 'store_unavailable' }]);
    backend.lastCursor = read;
    await server.engine.stop();
    expect(await ready(url)).toEqual([503, { ready: false, code: 'shutting_down' }]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
});

describe('the writer', () => {
  it('has a fault from the commit that failed until the next one that is stored', async () => {
    let fault: Error | null = new StoreError('store_full', 'No space is left.');
    const commit = new GroupCommit<null>({
      begin: () => undefined,
      state: () => null,
      flush: () => undefined,
      commit: () => {
        if (fault !== null) throw fault;
      },
      rollback: () => undefined,
      published: () => undefined,
      onError: () => undefined,
      reopen: () => undefined,
      toError: (error) => error as Error,
      random: () => 0,
    });
    await expect(commit.submit(() => 1)).rejects.toMatchObject({ code: 'store_full' });
    expect(commit.state()).toMatchObject({ failures: 1, fault: { code: 'store_full' } });
    fault = null;
    await commit.submit(() => 1);
    expect(commit.state()).toMatchObject({ failures: 1, fault: null });
  });

  it('has a fault while others hold the lock for long, and none for a moment of it', () => {
    let now = 1_000;
    const meter = new CommitMeter(() => now);
    meter.busy();
    now += 4_000;
    expect(meter.state()).toMatchObject({ busyRetries: 1, fault: null });
    now += 2_000;
    meter.busy();
    expect(meter.state()).toMatchObject({ busyRetries: 2, fault: { code: 'store_busy' } });
    meter.stored(1, now);
    expect(meter.state().fault).toBeNull();
  });
});
