// Owns random cron expressions that know what they mean without being parsed.
import fc from 'fast-check';
import type { Wall } from './cron-oracle.ts';

export interface RandomCron {
  readonly text: string;
  readonly fits: (wall: Wall) => boolean;
  readonly seconds: readonly number[];
  /** No `*` and no step in minute and hour. */
  readonly fixed: boolean;
  /** Has a form that only some programs know: L-n, W, LW. */
  readonly special: boolean;
}

interface Piece {
  readonly text: string;
  readonly has: (value: number) => boolean;
  readonly wild: boolean;
}

interface DayPiece {
  readonly text: string;
  readonly has: (wall: Wall) => boolean;
  readonly special: boolean;
}

const range = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => (a < b ? [a, b] : [b, a]));

/** An element of a list; values near the lower end come more often, as changes of the clock lie there. */
function piece(min: number, max: number, usual: number): fc.Arbitrary<Piece> {
  const one = fc.oneof({ arbitrary: fc.integer({ min, max: usual }), weight: 3 }, { arbitrary: fc.integer({ min, max }), weight: 1 });
  const step = fc.integer({ min: 2, max: Math.min(20, max - min + 1) });
  return fc.oneof(
    { weight: 6, arbitrary: one.map((v) => ({ text: String(v), has: (value: number) => value === v, wild: false })) },
    { weight: 2, arbitrary: range(min, max).map(([a, b]) => ({ text: `${a}-${b}`, has: (value: number) => value >= a && value <= b, wild: false })) },
    { weight: 1, arbitrary: fc.constant({ text: '*', has: () => true, wild: true }) },
    { weight: 2, arbitrary: step.map((n) => ({ text: `*/${n}`, has: (value: number) => (value - min) % n === 0, wild: true })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(range(min, max), step)
        .filter(([[a, b], n]) => n <= b - a + 1)
        .map(([[a, b], n]) => ({
          text: `${a}-${b}/${n}`,
          has: (value: number) => value >= a && value <= b && (value - a) % n === 0,
          wild: true,
        })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(one, step)
        .filter(([a, n]) => n <= max - a + 1)
        .map(([a, n]) => ({ text: `${a}/${n}`, has: (value: number) => value >= a && (value - a) % n === 0, wild: true })),
    },
  );
}

const listOf = <T extends { text: string }>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 1, maxLength: 3 });
const textOf = (pieces: readonly { readonly text: string }[]): string => pieces.map((each) => each.text).join(',');

const firstWeekday = (wall: Wall): number => (((wall.weekday - (wall.day - 1)) % 7) + 7) % 7;

/** The working day nearest to a day inside its month, by trying distances. */
function nearest(day: number, wall: Wall): number | undefined {
  if (day > wall.monthLength) return undefined;
  for (const distance of [0, -1, 1, -2, 2]) {
    const candidate = day + distance;
    const weekday = (firstWeekday(wall) + candidate - 1 + 35) % 7;
    if (candidate >= 1 && candidate <= wall.monthLength && weekday !== 0 && weekday !== 6) return candidate;
  }
  return undefined;
}

const star: DayPiece = { text: '*', has: () => true, special: false };

const dayOfMonth: fc.Arbitrary<DayPiece[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<DayPiece[]>([star]) },
  {
    weight: 2,
    arbitrary: listOf(
      fc.oneof<[fc.Arbitrary<DayPiece>, fc.Arbitrary<DayPiece>, fc.Arbitrary<DayPiece>, fc.Arbitrary<DayPiece>]>(
        piece(1, 31, 31)
          .filter((each) => each.text !== '*')
          .map((each) => ({ text: each.text, has: (wall) => each.has(wall.day), special: false })),
        fc.integer({ min: 1, max: 31 }).map((n) => ({ text: `${n}W`, has: (wall) => nearest(n, wall) === wall.day, special: true })),
        fc.integer({ min: 0, max: 9 }).map((n) => ({ text: n === 0 ? 'L' : `L-${n}`, has: (wall) => wall.day === wall.monthLength - n, special: n > 0 })),
        fc.constant({ text: 'LW', has: (wall) => nearest(wall.monthLength, wall) === wall.day, special: true }),
      ),
    ),
  },
);

const dayOfWeek: fc.Arbitrary<DayPiece[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<DayPiece[]>([star]) },
  {
    weight: 2,
    arbitrary: listOf(
      fc.oneof<[fc.Arbitrary<DayPiece>, fc.Arbitrary<DayPiece>, fc.Arbitrary<DayPiece>, fc.Arbitrary<DayPiece>]>(
        fc.integer({ min: 0, max: 7 }).map((n) => ({ text: String(n), has: (wall) => wall.weekday === n % 7, special: false })),
        range(0, 7).map(([a, b]) => ({
          text: `${a}-${b}`,
          has: (wall) => (wall.weekday >= a && wall.weekday <= b) || (wall.weekday === 0 && b === 7),
          special: false,
        })),
        fc.integer({ min: 0, max: 6 }).map((n) => ({ text: `${n}L`, has: (wall) => wall.weekday === n && wall.day + 7 > wall.monthLength, special: false })),
        fc
          .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 5 }))
          .map(([n, k]) => ({ text: `${n}#${k}`, has: (wall) => wall.weekday === n && wall.day > (k - 1) * 7 && wall.day <= k * 7, special: false })),
      ),
    ),
  },
);

export const randomCron: fc.Arbitrary<RandomCron> = fc
  .record({
    second: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 3 }), { freq: 6 }),
    minute: listOf(piece(0, 59, 59)),
    hour: listOf(piece(0, 23, 4)),
    day: dayOfMonth,
    month: fc.oneof(
      { weight: 4, arbitrary: fc.constant<Piece[]>([{ text: '*', has: () => true, wild: true }]) },
      { weight: 1, arbitrary: listOf(piece(1, 12, 12)) },
    ),
    weekday: dayOfWeek,
  })
  .map(({ second, minute, hour, day, month, weekday }) => {
    const seconds = second ?? [0];
    const [anyDay, anyWeekday] = [day.some((each) => each.text === '*'), weekday.some((each) => each.text === '*')];
    const fitsDay = (wall: Wall): boolean => {
      const byDay = day.some((each) => each.has(wall));
      const byWeekday = weekday.some((each) => each.has(wall));
      return anyDay || anyWeekday ? byDay && byWeekday : byDay || byWeekday;
    };
    return {
      text: [...(second === null ? [] : [seconds.join(',')]), textOf(minute), textOf(hour), textOf(day), textOf(month), textOf(weekday)].join(' '),
      fits: (wall: Wall) =>
        minute.some((each) => each.has(wall.minute)) && hour.some((each) => each.has(wall.hour)) && month.some((each) => each.has(wall.month)) && fitsDay(wall),
      seconds,
      fixed: [...minute, ...hour].every((each) => !each.wild),
      special: [...day, ...weekday].some((each) => each.special),
    };
  });
