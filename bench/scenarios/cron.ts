// Owns the cost of a schedule's next due time, beside croner and cron-parser on the same expressions and moments.
import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';
import { CronExpression } from '../../src/schedule/cron-expression.ts';
import { against, atLeast, atMost, type Figure, percentile, type Scenario } from '../support/scenario.ts';

const EXPRESSIONS = ['*/5 * * * *', '0 9 * * 1-5', '0 0 1 * *', '30 2 * * *'];
const ZONES = [
  { zone: 'UTC', target: 200_000 },
  { zone: 'Europe/Berlin', target: 50_000 },
];
/** Four years that hold eight changes of the clock. */
const [FROM, SPAN] = [Date.UTC(2026, 0, 1), 4 * 365 * 86_400_000];
const SLICE_MS = 300;

export const cron: Scenario = {
  name: 'cron',
  title: 'The next fire of a cron expression',
  run(context): Promise<readonly Figure[]> {
    const figures: Figure[] = [];
    for (const { zone, target } of ZONES) {
      for (const expression of EXPRESSIONS) {
        context.say(`${expression} ${zone}`);
        const own = CronExpression.parse(expression, { timezone: zone });
        const rate = rateOf((at) => own.next(at) ?? 0);
        const croner = new Cron(expression, { timezone: zone, paused: true });
        const theirs = rateOf((at) => croner.nextRun(new Date(at))?.getTime() ?? 0);
        const name = `${expression}, ${zone}`;
        figures.push({ name: `next(), ${name}`, value: rate, unit: '/s', compared: against('croner', theirs, rate), target: atLeast(rate, target, '/s') });
        // It can only go on from a date when it is parsed anew or reset; reset is the cheaper one.
        const parser = CronExpressionParser.parse(expression, { tz: zone, currentDate: new Date(FROM) });
        const parsers = rateOf((at) => {
          parser.reset(new Date(at));
          return parser.next().getTime();
        });
        figures.push({ name: `the same, ${name}`, value: rate, unit: '/s', compared: against('cron-parser', parsers, rate) });
      }
    }
    const parsed = rateOf((at) => CronExpression.parse(`${at % 60} ${at % 24} * * 1-5`, { timezone: 'Europe/Berlin' }).text.length);
    figures.push({ name: 'parse()', value: parsed, unit: '/s' });
    return Promise.resolve([...figures, ...sparse()]);
  },
};

/** Calls from moments spread over four years, as many schedules ask, until the time is over; in calls a second. */
function rateOf(call: (at: number) => number): number {
  let seed = 1;
  let sum = 0;
  const run = (ms: number): number => {
    const started = performance.now();
    let calls = 0;
    while (performance.now() - started < ms) {
      for (let i = 0; i < 20; i++) {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
        sum += call(FROM + Math.floor((seed / 0x7fffffff) * SPAN));
      }
      calls += 20;
    }
    return calls / ((performance.now() - started) / 1_000);
  };
  run(SLICE_MS / 3);
  const rate = run(SLICE_MS);
  if (Number.isNaN(sum)) throw new Error('a call gave no number');
  return rate;
}

/** Sparse and impossible ones; each sparse one is parsed anew in a zone that nobody asked for yet. The median of five. */
function sparse(): Figure[] {
  const timed = (work: () => unknown): number => {
    const started = performance.now();
    work();
    return performance.now() - started;
  };
  const zones = ['America/New_York', 'America/Havana', 'Australia/Sydney', 'Africa/Cairo', 'Europe/Lisbon'];
  const first = percentile(
    zones.map((timezone) => timed(() => CronExpression.parse('0 0 * 2 1#5', { timezone }).next(FROM))),
    0.5,
  );
  const impossible = percentile(
    zones.map(() => timed(refused)),
    0.5,
  );
  return [
    { name: '29 February on a Monday, first call in its zone', value: first, unit: 'ms', target: atMost(first, 5, 'ms') },
    { name: 'refusal of 30 February', value: impossible, unit: 'ms', target: atMost(impossible, 5, 'ms') },
  ];
}

function refused(): unknown {
  try {
    CronExpression.parse('0 0 30 2 *');
  } catch (error) {
    return error;
  }
  throw new Error('taken');
}
