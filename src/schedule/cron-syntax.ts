// Owns what may be written in a cron expression: each field's range, names and special forms, and the refusal that names what is wrong.
import { nearMatches } from '../domain/near-match.ts';
import { refuse } from './schedule-error.ts';

export interface FieldSyntax {
  readonly name: 'second' | 'minute' | 'hour' | 'day-of-month' | 'month' | 'day-of-week';
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

export const FIELDS: readonly FieldSyntax[] = [
  { name: 'second', min: 0, max: 59, names: [] },
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day-of-month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day-of-week', min: 0, max: 7, names: DAYS },
];

export const ALIASES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const PATH = 'expression';
const MAX_LENGTH = 500;
const FIVE_OR_SIX = 'five fields (minute hour day-of-month month day-of-week), six with seconds first, or @yearly, @monthly, @weekly, @daily, @hourly';

/** One element of a field's list, in canonical text; numbers of weekdays are 0 (Sunday) to 7 (Sunday too). */
export type Atom =
  | { readonly kind: 'plain'; readonly text: string; readonly star: boolean; readonly step: number }
  /** `L-3`: days before the last one; for the last weekday of a month `weekday` is true. */
  | { readonly kind: 'last'; readonly text: string; readonly before: number; readonly weekday: boolean }
  | { readonly kind: 'nearest'; readonly text: string; readonly day: number }
  /** `5L` has nth -1, `5#2` has nth 2. */
  | { readonly kind: 'nth'; readonly text: string; readonly day: number; readonly nth: number };

export interface CronText {
  /** Of a `CRON_TZ=` prefix. */
  readonly timezone: string | undefined;
  /** Six lists, seconds first. */
  readonly fields: readonly (readonly Atom[])[];
  /** Canonical text; five fields when the second is 0. */
  readonly normalised: string;
}

/** Reads the text, or throws a ScheduleError that names the field, its range and what may have been meant. */
export function readCron(text: string, mondayZero: boolean): CronText {
  if (text.length > MAX_LENGTH)
    refuse(`The cron expression has ${text.length} characters; at most ${MAX_LENGTH} are read.`, { path: PATH, expected: FIVE_OR_SIX });
  const prefix = /^\s*(?:CRON_TZ|TZ)=(\S*)\s*/.exec(text);
  const body = text.slice(prefix?.[0].length ?? 0).trim();
  if (body === '') refuse('The cron expression is empty.', { path: PATH, expected: FIVE_OR_SIX });
  const expanded = body.startsWith('@') ? expandAlias(body) : body;
  const texts = expanded.split(/\s+/);
  if (texts.length === 7)
    refuse('The cron expression has 7 fields; a year field is not supported.', { path: PATH, expected: `${FIVE_OR_SIX}; start and end bound the years` });
  if (texts.length !== 5 && texts.length !== 6) {
    refuse(`The cron expression "${body}" has ${texts.length} ${texts.length === 1 ? 'field' : 'fields'}.`, { path: PATH, expected: FIVE_OR_SIX });
  }
  const six = texts.length === 6 ? texts : ['0', ...texts];
  // An alias is written for the usual numbering.
  const shift = mondayZero && !body.startsWith('@');
  const fields = FIELDS.map((field, i) => readField(field, six[i] as string, shift));
  const written = fields.map((atoms) => atoms.map((atom) => atom.text).join(','));
  const normalised = (written[0] === '0' ? written.slice(1) : written).join(' ');
  return { timezone: prefix?.[1], fields, normalised };
}

function expandAlias(body: string): string {
  const known = ALIASES[body.toLowerCase()];
  if (known !== undefined) return known;
  if (/^@every\b/i.test(body))
    refuse('@every is not cron: an interval has a phase of its own.', { path: PATH, expected: 'a recurring rule such as {every: "5m"}' });
  if (/^@reboot\b/i.test(body)) refuse('@reboot names no time.', { path: PATH, expected: FIVE_OR_SIX });
  refuse(`There is no alias ${body}.`, { path: PATH, expected: Object.keys(ALIASES).join(', '), nearMatches: nearMatches(body, Object.keys(ALIASES)) });
}

function readField(field: FieldSyntax, text: string, mondayZero: boolean): Atom[] {
  const reader = new FieldText(field, mondayZero && field.name === 'day-of-week');
  const atoms = text.split(',').map((atom) => reader.read(atom.toUpperCase(), atom));
  return [...new Map(atoms.map((atom) => [atom.text, atom])).values()];
}

/** Reads the elements of one field. */
class FieldText {
  readonly #field: FieldSyntax;
  readonly #mondayZero: boolean;

  constructor(field: FieldSyntax, mondayZero: boolean) {
    this.#field = field;
    this.#mondayZero = mondayZero;
  }

  read(atom: string, written: string): Atom {
    if (atom === '') this.#fault(`holds an empty element; a list has no blank or doubled comma`);
    if (atom === '?') {
      if (!this.#isDay()) this.#fault('holds ?, which stands only for a day field that is not set');
      return { kind: 'plain', text: '*', star: true, step: 1 };
    }
    const special = this.#special(atom, written);
    if (special !== undefined) return special;
    const match = /^(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:\/(.*))?$/.exec(atom);
    if (match === null || (match[1] === '*' && match[2] !== undefined)) this.#fault(`cannot read "${written}"`);
    const [, from = '', to, stepText] = match;
    const low = from === '*' ? this.#lowest() : this.#value(from, written);
    // `5/15` runs from 5 to the end of the field.
    const high = to !== undefined ? this.#upper(to, low, written) : from === '*' || stepText !== undefined ? this.#highest() : low;
    if (low > high) {
      const { min, max } = this.#field;
      const top = this.#field.name === 'day-of-week' ? 6 : max;
      const wrapped = `${low}${low === top ? '' : `-${top}`},${min}${high === min ? '' : `-${high}`}`;
      this.#fault(`holds the range ${written}, which runs backwards`, this.#mondayZero ? [] : [wrapped]);
    }
    const step = stepText === undefined ? 1 : this.#step(stepText, high - low + 1, written);
    const whole = from === '*' && !this.#mondayZero;
    const range = whole ? '*' : low === high ? String(this.#plainDay(low)) : from === '*' && step === 1 ? '*' : `${low}-${high}`;
    return { kind: 'plain', text: step === 1 ? range : `${range}/${step}`, star: from === '*', step };
  }

  /** L, W and #. */
  #special(atom: string, written: string): Atom | undefined {
    if (/^H(\(|\/|$)/.test(atom)) this.#fault('holds H, which is not supported; use jitter to spread schedules');
    if (this.#field.name === 'day-of-month') return this.#specialDay(atom, written);
    if (this.#field.name === 'day-of-week') return this.#specialWeekday(atom, written);
    if (/^(L|LW|\d+W|L-\d+|\w+#\d+)$/.test(atom)) this.#fault(`cannot read "${written}": L, W and # belong into the day fields`);
    return undefined;
  }

  #specialDay(atom: string, written: string): Atom | undefined {
    if (atom === 'LW') return { kind: 'last', text: 'LW', before: 0, weekday: true };
    const last = /^L(?:-(\d+))?$/.exec(atom);
    if (last !== null) {
      const before = Number(last[1] ?? 0);
      if (before > 30 || last[1] === '0') this.#fault(`holds ${written}; no month has such a day`, ['L', 'L-30']);
      return { kind: 'last', text: before === 0 ? 'L' : `L-${before}`, before, weekday: false };
    }
    const nearest = /^(\d+)W$/.exec(atom);
    if (nearest !== null) {
      const day = this.#value(nearest[1] as string, written);
      return { kind: 'nearest', text: `${day}W`, day };
    }
    if (/^(L-\d+W|WL|W|\d+-\d+W|\d+L)$/.test(atom)) this.#fault(`cannot read "${written}"`, ['LW', '15W', 'L-3']);
    if (atom.includes('#')) this.#fault(`cannot read "${written}": # belongs into day-of-week`);
    return undefined;
  }

  #specialWeekday(atom: string, written: string): Atom | undefined {
    if (atom === 'L') this.#fault('holds L without a day', ['5L', 'FRIL']);
    const match = /^([0-9A-Z]+?)(?:L|#(\w*))$/.exec(atom);
    if (match === null || this.#field.names.includes(atom)) return undefined;
    const day = this.#value(match[1] as string, written) % 7;
    if (match[2] === undefined) return { kind: 'nth', text: `${day}L`, day, nth: -1 };
    if (!/^[1-5]$/.test(match[2])) this.#fault(`holds ${written}; a month has the first to the fifth of a weekday`, [`${day}#1`, `${day}#5`]);
    return { kind: 'nth', text: `${day}#${match[2]}`, day, nth: Number(match[2]) };
  }

  #value(text: string, written: string): number {
    const { names, min, max, name } = this.#field;
    if (/^\d+$/.test(text)) {
      const value = Number(text);
      const top = this.#mondayZero ? 6 : max;
      if (value < min || value > top) this.#fault(`holds ${text}, which is out of its range`);
      return this.#mondayZero ? value + 1 : value;
    }
    const index = names.indexOf(text);
    if (index === -1) this.#fault(written === text || names.length > 0 ? `does not know ${text}` : `cannot read "${written}"`, near(text, names));
    if (name !== 'day-of-week') return index + 1;
    return this.#mondayZero && index === 0 ? 7 : index;
  }

  /** FRI-SUN ends with Sunday as 7. */
  #upper(text: string, low: number, written: string): number {
    const value = this.#value(text, written);
    return text === 'SUN' && value === 0 && low > 0 ? 7 : value;
  }

  #step(text: string, count: number, written: string): number {
    if (!/^\d+$/.test(text)) this.#fault(`holds ${written}, whose step is no whole number`);
    const step = Number(text);
    if (step === 0) this.#fault(`holds ${written}; a step is at least 1`);
    if (step > count) this.#fault(`holds ${written}, whose step is larger than the ${count} ${count === 1 ? 'value' : 'values'} it walks over`);
    return step;
  }

  #isDay(): boolean {
    return this.#field.name === 'day-of-month' || this.#field.name === 'day-of-week';
  }

  /** With Monday as 0 the week runs from 1 to 7 in the usual numbering. */
  #lowest(): number {
    return this.#mondayZero ? 1 : this.#field.min;
  }

  #highest(): number {
    return this.#field.name === 'day-of-week' && !this.#mondayZero ? 6 : this.#field.max;
  }

  #plainDay(value: number): number {
    return this.#field.name === 'day-of-week' ? value % 7 : value;
  }

  #fault(what: string, suggestions: readonly string[] = []): never {
    const { name, min, max, names } = this.#field;
    const range = this.#mondayZero ? '0-6, 0 is Monday' : name === 'day-of-week' ? '0-7, 0 and 7 are Sunday' : `${min}-${max}`;
    const special = name === 'day-of-month' ? ', L, L-3, LW or 15W' : name === 'day-of-week' ? ', 5L or 5#2' : '';
    const words = names.length === 0 ? '' : ` or ${names[0]}-${names.at(-1)}`;
    refuse(`The ${name} field ${what}.`, {
      path: PATH,
      expected: `${name}: ${range}${words}; *, lists (1,5), ranges (1-5) and steps (*/5)${special}`,
      nearMatches: suggestions,
    });
  }
}

function near(text: string, names: readonly string[]): string[] {
  const start = names.filter((name) => text.startsWith(name));
  return start.length > 0 ? start : nearMatches(text, names);
}
