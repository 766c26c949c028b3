// Owns the properties of the graph checks: no false circle, only true circles, the right ancestors, and size without overflow.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCycles } from '../../src/domain/cycle.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { needsOrder, notAncestors } from '../../src/domain/reachability.ts';
import { check, valid, workflow } from './definition-context.ts';

/** A DAG: node i needs smaller ones. */
const dag = fc
  .integer({ min: 1, max: 60 })
  .chain((size) =>
    fc.tuple(
      ...Array.from({ length: size }, (_, i) => (i === 0 ? fc.constant([] as number[]) : fc.uniqueArray(fc.integer({ min: 0, max: i - 1 }), { maxLength: 4 }))),
    ),
  );
const graph = fc
  .integer({ min: 1, max: 25 })
  .chain((size) => fc.array(fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { maxLength: 3 }), { minLength: size, maxLength: size }));

function ancestorsOf(needs: readonly (readonly number[])[], node: number): Set<number> {
  const found = new Set<number>();
  const open = [...(needs[node] as readonly number[])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(needs[next] as readonly number[]));
  }
  return found;
}

function isCycle(needs: readonly (readonly number[])[], cycle: readonly number[]): boolean {
  return new Set(cycle).size === cycle.length && cycle.every((node, i) => needs[node]?.includes(cycle[(i + 1) % cycle.length] as number));
}

describe('circles', () => {
  it('a DAG has none', () => {
    fc.assert(fc.property(dag, (needs) => void expect(findCycles(needs)).toEqual([])));
  });

  it('a back edge is found, and what is printed is a circle of the graph', () => {
    fc.assert(
      fc.property(dag, fc.nat(), fc.nat(), (needs, a, b) => {
        const late = a % needs.length;
        const early = b % (late + 1);
        const turned = needs.map((list, i) => (i === early ? [...new Set([...list, late])] : list));
        const closes = early === late || ancestorsOf(needs, late).has(early);
        const cycles = findCycles(turned);
        expect(cycles.length > 0).toBe(closes);
        for (const cycle of cycles) expect(isCycle(turned, cycle)).toBe(true);
      }),
    );
  });

  it('each knot gives one circle, the shortest through it, the same each time', () => {
    fc.assert(
      fc.property(graph, (needs) => {
        const cycles = findCycles(needs);
        expect(findCycles(needs)).toEqual(cycles);
        const onCycle = needs.map((_, node) => ancestorsOf(needs, node).has(node));
        const knots = new Set(
          needs.flatMap((_, node) =>
            onCycle[node] ? [Math.min(...[...ancestorsOf(needs, node)].filter((other) => ancestorsOf(needs, other).has(node)))] : [],
          ),
        );
        expect(cycles).toHaveLength(knots.size);
        for (const cycle of cycles) {
          expect(isCycle(needs, cycle)).toBe(true);
          expect(cycle[0]).toBe(Math.min(...cycle));
          const knot = [...ancestorsOf(needs, cycle[0] as number)].filter((other) => ancestorsOf(needs, other).has(cycle[0] as number));
          for (const node of knot) expect(cycle.length).toBeLessThanOrEqual(girth(needs, node));
        }
      }),
    );
  });

  it('a ring of 10,000 steps is told without overflow', () => {
    const ring = Array.from({ length: 10_000 }, (_, i) => [(i + 1) % 10_000]);
    expect(findCycles(ring)).toEqual([Array.from({ length: 10_000 }, (_, i) => i)]);
  });
});

/** Length of the shortest circle through a node, by breadth-first search. */
function girth(needs: readonly (readonly number[])[], start: number): number {
  let layer = new Set([start]);
  for (let length = 1; length <= needs.length; length++) {
    const next = new Set([...layer].flatMap((node) => needs[node] as readonly number[]));
    if (next.has(start)) return length;
    layer = next;
  }
  return Number.POSITIVE_INFINITY;
}

describe('ancestors', () => {
  it('are the ones that a search finds', () => {
    fc.assert(
      fc.property(dag, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 80 }), (needs, pairs) => {
        const questions = pairs.map(([a, b]) => ({ node: a % needs.length, ancestor: b % needs.length }));
        const expected = questions.filter(({ node, ancestor }) => !ancestorsOf(needs, node).has(ancestor));
        expect(notAncestors(needs, needsOrder(needs), questions)).toEqual(expected);
      }),
    );
  });

  it('of nodes on a circle are not asked for', () => {
    const needs = [[1], [0], [1], []];
    expect(needsOrder(needs)).toEqual([3]);
    expect(
      notAncestors(needs, needsOrder(needs), [
        { node: 0, ancestor: 3 },
        { node: 3, ancestor: 0 },
      ]),
    ).toEqual([{ node: 3, ancestor: 0 }]);
  });
});

describe('size', () => {
  it('a chain of 10,000 steps that read far back is read and validated', () => {
    const steps = Array.from(
      { length: 10_000 },
      (_, i): JsonObject =>
        i === 0 ? { id: 's0', needs: [] } : { id: `s${i}`, needs: [`s${i - 1}`], with: { value: `\${{ steps.s${Math.floor(i / 2)}.output }}` } },
    );
    expect(valid(workflow(steps)).steps).toHaveLength(10_000);
  });

  it('a definition in which everything is wrong ends soon', () => {
    const steps = Array.from({ length: 5_000 }, (_, i) => ({ id: `step ${i}`, needs: [`x${i}`], with: { value: `\${{ steps.y${i}.output }}` } }));
    expect(check(workflow(steps)).faults.length).toBeGreaterThan(1_000);
  });
});
