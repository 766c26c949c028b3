// Owns a cron expression: parsed with cron-parser behind a strict check, and evaluated here, with named policies for changes of the clock.
import { CronExpressionParser } from 'cron-parser';
import type { CronRule, FoldPolicy, GapPolicy } from '../domain/schedule.ts';
import { cronSentence } from './cron-sentence.ts';
import { type Atom, type CronText, FIELDS, readCron } from './cron-syntax.ts';
import { CronTable, type CronValues } from './cron-table.ts';
import { refuse } from './schedule-error.ts';
import { validZone } from './timezone-manager.ts';
import { ZonedTimes } from './zoned-times.ts';

export interface CronOptions {
  /** IANA name; a `CRON_TZ=` prefix says the same. Default UTC. */
  readonly timezone?: string | undefined;
  /** Default: `next_valid` when minute and hour are fixed (no `*`, no step), else `skip`. */
  readonly gap?: GapPolicy | undefined;
  /** Default: `first` when minute and hour are fixed, else `both`. */
  readonly fold?: FoldPolicy | undefined;
  /** Numbers in day-of-week count from Monday = 0 to Sunday = 6, as in codomyrmex. The normalised text counts from Sunday = 0. */
  readonly mondayZero?: boolean | undefined;
}

export class CronExpression {
  /** The normal form: five fields, or six with seconds first, numbers for names. */
  readonly text: string;
  readonly timezone: string;
  readonly gap: GapPolicy;
  readonly fold: FoldPolicy;
  /** What is allowed but may not be meant. */
  readonly warnings: readonly string[];
  readonly #times: ZonedTimes;

  private constructor(read: CronText, table: CronTable, timezone: string, gap: GapPolicy, fold: FoldPolicy) {
    this.text = read.normalised;
    this.timezone = timezone;
    this.gap = gap;
    this.fold = fold;
    this.warnings = warningsOf(read.fields);
    this.#times = new ZonedTimes(table, { timezone, gap, fold });
  }

  /** Throws ScheduleError `invalid_input` that names the field, its range and near matches; also for an expression that can never fire. */
  static parse(text: string, options: CronOptions = {}): CronExpression {
    const read = readCron(text, options.mondayZero ?? false);
    const timezone = zoneOfText(read, options.timezone);
    const table = new CronTable(valuesOf(read.fields));
    if (table.isEmpty()) refuse(whyEmpty(read), { path: 'expression', expected: 'a day that exists in one of the months' });
    const fixed = isFixed(read.fields);
    return new CronExpression(read, table, timezone, options.gap ?? (fixed ? 'next_valid' : 'skip'), options.fold ?? (fixed ? 'first' : 'both'));
  }

  /** The expression of a stored rule. */
  static of(rule: CronRule): CronExpression {
    return CronExpression.parse(rule.expression, rule);
  }

  get rule(): CronRule {
    return { kind: 'cron', expression: this.text, timezone: this.timezone, gap: this.gap, fold: this.fold };
  }

  /** The first fire after the instant (epoch ms), or null. */
  next(after: number): number | null {
    return this.#times.next(after);
  }

  /** The last fire before the instant (epoch ms), or null. */
  prev(before: number): number | null {
    return this.#times.prev(before);
  }

  /** True in the minute of a fire, or in its second when the expression has seconds. */
  matches(at: number): boolean {
    const unit = this.hasSeconds ? 1_000 : 60_000;
    const start = Math.floor(at / unit) * unit;
    return this.#times.next(start - 1) === start;
  }

  get hasSeconds(): boolean {
    return this.text.split(' ').length === 6;
  }

  /** Fires after the instant, in order, without end. */
  *iterate(after: number): Generator<number, void> {
    for (let at = this.next(after); at !== null; at = this.next(at)) yield at;
  }

  /** One English sentence. */
  describe(): string {
    return cronSentence(readCron(this.text, false).fields, this.timezone);
  }
}

function zoneOfText(read: CronText, option: string | undefined): string {
  const own = read.timezone === undefined ? undefined : validZone(read.timezone, 'expression');
  const given = option === undefined ? undefined : validZone(option);
  if (own !== undefined && given !== undefined && own !== given) {
    refuse(`The expression names the time zone ${own}, and timezone names ${given}.`, { path: 'timezone', expected: 'one time zone' });
  }
  return own ?? given ?? 'UTC';
}

/** Debian cron's line between jobs at a time and jobs that follow the clock. */
function isFixed(fields: CronText['fields']): boolean {
  return [fields[1], fields[2]].every((atoms) => atoms?.every((atom) => atom.kind !== 'plain' || (!atom.star && atom.step === 1)));
}

/** cron-parser reads numbers, ranges and steps; the forms it lacks (W, LW, L-3, several #) stay with us. */
function valuesOf(fields: CronText['fields']): CronValues {
  const plain = fields.map((atoms) => atoms.flatMap((atom) => (atom.kind === 'plain' ? [atom.text] : [])));
  const special = (at: number): readonly Atom[] => (fields[at] ?? []).filter((atom) => atom.kind !== 'plain' || atom.text === '*');
  const values = plain.map(() => new Set<number>());
  // One element of every list at a time: the parser refuses lists whose elements overlap.
  for (let i = 0; i < Math.max(...plain.map((texts) => texts.length)); i++) {
    parseRow(plain.map((texts) => texts[i] ?? '*')).forEach((numbers, at) => {
      if (plain[at]?.[i] !== undefined) for (const number of numbers) values[at]?.add(number);
    });
  }
  const [seconds = [], minutes = [], hours = [], daysOfMonth = [], months = [], daysOfWeek = []] = values.map((set) => [...set]);
  return { seconds, minutes, hours, daysOfMonth, months, daysOfWeek, days: special(3), weekdays: special(5) };
}

/** With a date of its own the parser need not build one: a quarter of the time. */
const PARSER = { tz: 'UTC', currentDate: new Date(0) };

/** The values of six texts without lists. */
function parseRow([second, minute, hour, day, month, weekday]: readonly string[]): number[][] {
  const { fields } = CronExpressionParser.parse(`${second} ${minute} ${hour} ${day} * ${weekday}`, PARSER);
  // Months are read apart: the parser refuses 31 in April in words of its own.
  const months = month === '*' ? fields.month : CronExpressionParser.parse(`0 0 0 1 ${month} *`, PARSER).fields.month;
  const lists = [fields.second, fields.minute, fields.hour, fields.dayOfMonth, months, fields.dayOfWeek].map((field) => field.values.map(Number));
  return lists.map((numbers, at) => (at === 5 ? numbers.map((number) => number % 7) : numbers));
}

function whyEmpty(read: CronText): string {
  const [, , , days = [], months = []] = read.fields;
  const text = (atoms: readonly Atom[]): string => atoms.map((atom) => atom.text).join(',');
  return `"${read.normalised}" can never fire: month ${text(months)} has no day that fits day-of-month ${text(days)}.`;
}

function warningsOf(fields: CronText['fields']): string[] {
  const warnings: string[] = [];
  for (const at of [0, 1, 2]) {
    const { name, max } = FIELDS[at] as (typeof FIELDS)[number];
    for (const atom of fields[at] ?? []) {
      if (atom.kind !== 'plain' || atom.step === 1 || !atom.star || (max + 1) % atom.step === 0) continue;
      warnings.push(`${atom.text} in ${name} starts again at 0 each time: ${max + 1} is no multiple of ${atom.step}. A recurring rule keeps an even distance.`);
    }
  }
  const [, , , days = [], , weekdays = []] = fields;
  const isSet = (atoms: readonly Atom[]): boolean => !atoms.some((atom) => atom.text === '*');
  if (isSet(days) && isSet(weekdays)) {
    warnings.push('Day-of-month and day-of-week are both set: it fires on a day that fits either of them.');
    if (days.some((atom) => atom.kind === 'plain' && atom.star))
      warnings.push('Some crons read */n in day-of-month beside a day-of-week as both; here it is either.');
  }
  return warnings;
}
