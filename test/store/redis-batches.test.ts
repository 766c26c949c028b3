// Tests what becomes of appends without an answer when the replica is made anew from a copy that is past them.
import { expect, it } from 'vitest';
import { Batches } from '../../src/store/redis/batches.ts';
import type { Entry } from '../../src/store/redis/entry.ts';

/** Batches with one operation, whose append as version 7 got no answer. */
function uncertain(): { readonly batches: Batches; readonly told: Promise<unknown> } {
  const batches = new Batches(() => undefined);
  const told = batches.operations.submit(() => 'run').catch((error: unknown) => error);
  const entry: Entry = { version: 7, id: 'mine', prev: 'six', at: 0, payload: Buffer.alloc(0) };
  batches.doubt({ taken: [...batches.operations.queue], results: ['first'], entry });
  return { batches, told };
}

const copy = (version: number, id?: string): Parameters<Batches['rebuilt']>[0] => ({ version, tail: { pastIdOf: (at) => (at === 7 ? id : undefined) } });

it('one that the copy holds counts, with the results that it had', async () => {
  const { batches, told } = uncertain();
  batches.rebuilt(copy(9, 'mine'));
  expect(await told).toBe('first');
  expect(batches.waiting).toBe(0);
});

it('one whose place another took is run again', () => {
  const { batches } = uncertain();
  batches.rebuilt(copy(9, 'theirs'));
  expect(batches.waiting).toBe(1);
  // Nothing is in doubt any more.
  batches.found('mine');
  expect(batches.waiting).toBe(1);
});

it('one that the copy is too young to know of is not run again: nobody knows', async () => {
  const { batches, told } = uncertain();
  batches.rebuilt(copy(900_000));
  expect(await told).toMatchObject({ code: 'outcome_unknown' });
  expect(batches.waiting).toBe(0);
});

it('one that may still turn up stays in doubt', async () => {
  const { batches, told } = uncertain();
  batches.rebuilt(copy(6));
  expect(batches.waiting).toBe(1);
  batches.found('mine');
  expect(await told).toBe('first');
});
