// Tests what goes into an entry of the log: every statement that wrote, with its values, and nothing else.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { BackendEnvironment } from '../../src/store/backend.ts';
import { decode, encode, fromParameter, toParameter } from '../../src/store/redis/entry.ts';
import { Recorder } from '../../src/store/redis/recorder.ts';
import { Tx } from '../../src/store/sqlite/tx.ts';

function recording(): { readonly tx: Tx; readonly recorder: Recorder } {
  const db = new Database(':memory:');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
  const recorder = new Recorder([]);
  return { tx: new Tx(db, {} as BackendEnvironment, recorder.record), recorder };
}

describe('the recorder', () => {
  it('keeps what wrote, in order, and neither reads nor what failed', () => {
    const { tx, recorder } = recording();
    tx.sql('BEGIN IMMEDIATE').run();
    tx.sql('INSERT INTO t (id, v) VALUES (?, ?)').run(1, 'a');
    expect(() => tx.sql('INSERT INTO t (id, v) VALUES (?, ?)').run(1, 'again')).toThrow('UNIQUE');
    tx.sql('SELECT * FROM t').all();
    expect(tx.sql('UPDATE t SET v = @v WHERE id = @id RETURNING v').get({ id: 1, v: 'b' })).toEqual({ v: 'b' });
    tx.sql('INSERT INTO t (id, v) VALUES (?, ?)').run(2, Buffer.from([0, 255]));
    tx.sql('COMMIT').run();
    const { texts, runs } = decode(recorder.seal().payload);
    expect(texts.map(([, text]) => text)).toEqual(['INSERT INTO t (id, v) VALUES (?, ?)', 'UPDATE t SET v = @v WHERE id = @id RETURNING v']);
    expect(runs).toEqual([
      [1, 1, 'a'],
      [2, { id: 1, v: 'b' }],
      [1, 2, ['AP8=']],
    ]);
  });

  it('numbers texts once they are stored, and gives a number free that was not', () => {
    const { tx, recorder } = recording();
    tx.sql('INSERT INTO t (v) VALUES (1)').run();
    recorder.drop();
    tx.sql('INSERT INTO t (v) VALUES (2)').run();
    expect(decode(recorder.seal().payload).texts).toEqual([[1, 'INSERT INTO t (v) VALUES (2)']]);
    recorder.stored();
    recorder.learn([[2, 'DELETE FROM t']]);
    tx.sql('INSERT INTO t (v) VALUES (2)').run();
    tx.sql('DELETE FROM t').run();
    tx.sql('INSERT INTO t (v) VALUES (3)').run();
    expect(decode(recorder.seal().payload)).toEqual({ texts: [[3, 'INSERT INTO t (v) VALUES (3)']], runs: [[1], [2], [3]] });
  });
});

describe('an entry', () => {
  it('carries every kind of value, short and long', () => {
    for (const value of ['', 'ü\u0000x'.repeat(3_000), 0, -1.5, 2 ** 53 - 1, null, Buffer.from('bytes'), { a: 1, b: Buffer.from([1]) }]) {
      const { runs } = decode(encode({ texts: [], runs: [[1, toParameter(value)]] }));
      const back = fromParameter(runs[0]?.[1] as Parameters<typeof fromParameter>[0]);
      expect(back).toEqual(value);
    }
  });

  it('that is not ours is refused', () => {
    for (const payload of [Buffer.alloc(0), Buffer.from([7, 1, 2]), Buffer.from([1, 1, 2]), Buffer.from('\u0000{}')]) {
      expect(() => decode(payload)).toThrow(expect.objectContaining({ code: 'store_corrupt' }));
    }
  });
});
