// Group commit: neighbours of a failing operation are unharmed, a failed COMMIT is said to be unknown, a busy file blocks nothing.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/domain/errors.ts';
import { type CommitTarget, GroupCommit } from '../../src/store/sqlite/group-commit.ts';
import { storeError } from '../../src/store/sqlite/sqlite-error.ts';

interface Probe {
  readonly target: CommitTarget<string[]>;
  readonly stored: string[];
  readonly log: string[];
  readonly told: unknown[];
  faults: Partial<Record<'begin' | 'commit' | 'flush' | 'reopen' | 'published', unknown[]>>;
}

/** A target over a list: what a transaction adds counts at its commit; faults are thrown in the order given. */
function probe(): Probe {
  let open: string[] = [];
  const stored: string[] = [];
  const log: string[] = [];
  const told: unknown[] = [];
  const made: Probe = { stored, log, told, faults: {}, target: undefined as never };
  const act = (name: 'begin' | 'commit' | 'reopen' | 'published'): void => {
    log.push(name);
    const fault = made.faults[name]?.shift();
    if (fault !== undefined) throw fault;
  };
  const target: CommitTarget<string[]> = {
    begin: () => act('begin'),
    flush: () => {
      if (open.includes('unbindable')) throw new TypeError('cannot be bound');
      const fault = made.faults.flush?.shift();
      if (fault !== undefined) throw fault;
    },
    state: () => open,
    commit: () => {
      act('commit');
      stored.push(...open);
      open = [];
    },
    rollback: () => {
      log.push('rollback');
      open = [];
    },
    published: () => act('published'),
    onError: (error) => told.push(error),
    reopen: () => {
      open = [];
      act('reopen');
    },
    toError: (error) => (error instanceof StoreError ? error : storeError(error, 'x')),
    random: () => 0,
  };
  return Object.assign(made, { target });
}

const fault = (code: string): Error => Object.assign(new Error(code), { code });
const add =
  (text: string) =>
  (state: string[]): string => {
    state.push(text);
    return text;
  };

describe('group commit', () => {
  it('gives the operations of one turn one transaction', async () => {
    const { target, stored, log } = probe();
    const group = new GroupCommit(target);
    expect(await Promise.all(['a', 'b', 'c'].map((text) => group.submit(add(text))))).toEqual(['a', 'b', 'c']);
    expect([stored, log]).toEqual([
      ['a', 'b', 'c'],
      ['begin', 'commit', 'published'],
    ]);
  });

  it('runs each alone when one throws: only that one fails', async () => {
    const { target, stored } = probe();
    const group = new GroupCommit(target);
    const bad = group.submit((state) => {
      state.push('half');
      throw new StoreError('conflict', 'no');
    });
    const results = await Promise.allSettled([group.submit(add('a')), bad, group.submit(add('b'))]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(stored).toEqual(['a', 'b']);
  });

  it('blames the operation whose value cannot be written, not its neighbours', async () => {
    const { target, stored, log } = probe();
    const group = new GroupCommit(target);
    const results = await Promise.allSettled(['a', 'unbindable', 'b'].map((text) => group.submit(add(text))));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'internal' } });
    expect(stored).toEqual(['a', 'b']);
    expect(log).not.toContain('reopen');
  });

  it('answers every operation when what follows a COMMIT throws, and tells of the fault', async () => {
    const made = probe();
    const faults = [new Error('first'), new Error('second')];
    made.faults = { published: [...faults] };
    const group = new GroupCommit(made.target);
    const first = group.submit(add('a'));
    const bad = group.submit(() => {
      throw new StoreError('conflict', 'no');
    });
    const results = await Promise.allSettled([first, bad, group.submit(add('b')), group.submit(add('c'))]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(made.stored).toEqual(['a', 'b', 'c']);
    expect(made.told).toEqual(faults);
  });

  it('keeps the order of what could not run alone because the file was busy', async () => {
    const made = probe();
    const group = new GroupCommit(made.target);
    const bad = group.submit(() => {
      throw new StoreError('conflict', 'no');
    });
    made.faults = { begin: [undefined, undefined, fault('SQLITE_BUSY')] };
    await Promise.allSettled([group.submit(add('a')), bad, group.submit(add('b')), group.submit(add('c'))]);
    expect(made.stored).toEqual(['a', 'b', 'c']);
  });

  it('says outcome_unknown when the COMMIT fails, opens the file anew, and goes on', async () => {
    const made = probe();
    made.faults = { commit: [fault('SQLITE_IOERR_FSYNC')] };
    const group = new GroupCommit(made.target);
    await expect(group.submit(add('a'))).rejects.toMatchObject({ code: 'outcome_unknown', retryable: true });
    expect(made.log).toContain('reopen');
    await group.submit(add('b'));
    expect(made.stored).toEqual(['b']);
  });

  it('tries to open the file again at the next turn when that failed too', async () => {
    const made = probe();
    made.faults = { commit: [fault('SQLITE_IOERR')], reopen: [fault('SQLITE_CANTOPEN'), fault('SQLITE_CANTOPEN')] };
    const group = new GroupCommit(made.target);
    await expect(group.submit(add('a'))).rejects.toMatchObject({ code: 'outcome_unknown' });
    await expect(group.submit(add('b'))).rejects.toMatchObject({ code: 'store_unavailable' });
    await group.submit(add('c'));
    expect(made.stored).toEqual(['c']);
  });

  it('knows that nothing was stored when the disk is full', async () => {
    const made = probe();
    made.faults = { commit: [fault('SQLITE_FULL')] };
    const group = new GroupCommit(made.target);
    await expect(group.submit(add('a'))).rejects.toMatchObject({ code: 'store_full' });
    expect(made.log).not.toContain('reopen');
    await group.submit(add('b'));
    expect(made.stored).toEqual(['b']);
  });

  it('stores what is queued before it closes, and refuses what comes after', async () => {
    const made = probe();
    const group = new GroupCommit(made.target);
    const a = group.submit(add('a'));
    await group.close();
    expect([await a, made.stored]).toEqual(['a', ['a']]);
    await expect(group.submit(add('b'))).rejects.toMatchObject({ code: 'shutting_down' });
  });

  it('does not block the event loop while another connection holds the file', async () => {
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const folder = mkdtempSync(join(tmpdir(), 'busy-'));
    const ours = new Database(join(folder, 'f.db'), { timeout: 0 });
    ours.pragma('journal_mode = WAL');
    ours.exec('CREATE TABLE t (x)');
    const other = new Database(join(folder, 'f.db'), { timeout: 0 });
    other.exec('BEGIN IMMEDIATE');
    const made = probe();
    const group = new GroupCommit({ ...made.target, begin: () => void ours.exec('BEGIN IMMEDIATE'), commit: () => void ours.exec('COMMIT'), state: () => [] });
    let done = false;
    const write = group
      .submit(() => void ours.exec('INSERT INTO t VALUES (1)'))
      .then(() => {
        done = true;
      });
    let longest = 0;
    for (let turn = 0, last = performance.now(); turn < 2_000; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    expect(done).toBe(false);
    expect(longest).toBeLessThan(1_000);
    other.exec('ROLLBACK');
    await write;
    expect(ours.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 1 });
    ours.close();
    other.close();
    rmSync(folder, { recursive: true });
  });
});
