// Owns how a cron expression reads in English.
import { two } from './civil.ts';
import type { Atom, CronText } from './cron-syntax.ts';

const MONTH_NAMES = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const DAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
/** More clock times than this are told as minutes and hours. */
const MAX_CLOCK_TIMES = 6;

/** For example: `At 09:00 on Monday to Friday, Europe/Berlin time.` */
export function cronSentence(fields: CronText['fields'], timezone: string): string {
  const [seconds = [], minutes = [], hours = [], days = [], months = [], weekdays = []] = fields;
  const inMonths = isStar(months) ? '' : `in ${join(months.map((atom) => range(atom, (month) => MONTH_NAMES[month - 1] ?? '', 'month')))}`;
  const everyDay = isStar(hours) || inMonths !== '' ? '' : 'every day';
  const parts = [timeOf(seconds, minutes, hours), dayOf(days, weekdays, inMonths === '' ? ' of the month' : '') || everyDay, inMonths];
  return sentence(parts.filter((part) => part !== '').join(' '), timezone);
}

/** A capital letter first, the zone at the end. */
export function sentence(text: string, timezone: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}, ${timezone === 'UTC' ? 'UTC' : `${timezone} time`}.`;
}

function timeOf(seconds: readonly Atom[], minutes: readonly Atom[], hours: readonly Atom[]): string {
  const [s, m, h] = [singles(seconds), singles(minutes), singles(hours)];
  if (s?.length === 1 && m !== undefined && h !== undefined && m.length * h.length <= MAX_CLOCK_TIMES) {
    const times = h.flatMap((hour) => m.map((minute) => `${two(hour)}:${two(minute)}${s[0] === 0 ? '' : `:${two(s[0] ?? 0)}`}`));
    return `at ${join(times)}`;
  }
  const hourText = isStar(hours) ? '' : `of ${part(hours, 'hour')}`;
  if (s?.length === 1 && s[0] === 0)
    return `${part(minutes, 'minute')}${isStar(hours) && !isEvery(minutes, 'minute') ? ' of every hour' : ''} ${hourText}`.trim();
  const minuteText = isStar(minutes)
    ? ''
    : part(minutes, 'minute')
        .replace(/^at/, 'of')
        .replace(/^every/, 'of every');
  return [part(seconds, 'second'), minuteText, hourText].filter((text) => text !== '').join(' ');
}

/** `every 5 minutes`, `minute 5 and 10`. */
function part(atoms: readonly Atom[], unit: string): string {
  if (isStar(atoms)) return `every ${unit}`;
  const [only] = atoms;
  if (isEvery(atoms, unit) && only?.kind === 'plain') return `every ${counted(only.step, unit)}`;
  return `${unit === 'hour' ? '' : 'at '}${unit} ${join(atoms.map((atom) => range(atom, String, unit)))}`;
}

/** `*` or a step over the whole field that comes out even. */
function isEvery(atoms: readonly Atom[], unit: string): boolean {
  const [only] = atoms;
  return isStar(atoms) || (atoms.length === 1 && only?.kind === 'plain' && only.star && (unit === 'hour' ? 24 : 60) % only.step === 0);
}

function dayOf(days: readonly Atom[], weekdays: readonly Atom[], ofMonth: string): string {
  const byDay = isStar(days) ? '' : `on ${join(days.map(monthDay))}${ofMonth}`;
  const byWeekday = isStar(weekdays) ? '' : `on ${join(weekdays.flatMap(weekday))}`;
  return byDay !== '' && byWeekday !== '' ? `${byDay} or ${byWeekday}` : `${byDay}${byWeekday}`;
}

function monthDay(atom: Atom): string {
  if (atom.kind === 'last') {
    if (atom.weekday) return 'the last working day';
    return atom.before === 0 ? 'the last day' : `the ${atom.before === 1 ? '' : `${ordinal(atom.before)} `}day before the last day`;
  }
  return atom.kind === 'nearest' ? `the working day nearest to day ${atom.day}` : `day ${range(atom, String, 'day', '1')}`;
}

function weekday(atom: Atom): string[] {
  if (atom.kind === 'nth') return [`the ${atom.nth === -1 ? 'last' : ordinal(atom.nth)} ${DAY_NAMES[atom.day]} of the month`];
  const [, from = '', to = from, step] = /^(\*|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(atom.text) ?? [];
  const [low, high] = from === '*' ? [0, 6] : [Number(from), Number(to)];
  const name = (day: number): string => DAY_NAMES[day] ?? '';
  if (step === undefined) return [low === high ? name(low) : `${name(low)} to ${name(high)}`];
  return Array.from({ length: Math.floor((high - low) / Number(step)) + 1 }, (_, i) => name(low + i * Number(step)));
}

/** `1-5/2` as `1 to 5 (every 2nd)`. */
function range(atom: Atom, name: (value: number) => string, unit: string, first = '0'): string {
  const [, from = '', to, step] = /^(\*|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(atom.text) ?? [];
  const every = step === undefined ? '' : ` and every ${ordinal(Number(step))} ${unit} after it`;
  if (from === '*') return `${unit === 'month' ? 'January' : first}${every}`;
  return `${name(Number(from))}${every}${to === undefined ? '' : `${every === '' ? '' : ' up'} to ${name(Number(to))}`}`;
}

/** The values of a list of single numbers in order, or undefined. */
function singles(atoms: readonly Atom[]): number[] | undefined {
  if (!atoms.every((atom) => /^\d+$/.test(atom.text))) return undefined;
  return [...new Set(atoms.map((atom) => Number(atom.text)))].sort((a, b) => a - b);
}

function isStar(atoms: readonly Atom[]): boolean {
  return atoms.some((atom) => atom.text === '*');
}

/** `a, b and c`. */
export function join(texts: readonly string[]): string {
  return texts.length < 2 ? (texts[0] ?? '') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

export function ordinal(n: number): string {
  const tail = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${tail}`;
}

export function counted(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
