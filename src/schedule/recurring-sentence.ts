// Owns how recurring and one-off rules read in English.
import type { CalendarRule, MonthDay, RecurringRule, Weekday } from '../domain/schedule.ts';
import { counted, join, ordinal, sentence } from './cron-sentence.ts';

export const WEEKDAY_NAMES: Readonly<Record<Weekday, string>> = {
  mon: 'Monday',
  tue: 'Tuesday',
  wed: 'Wednesday',
  thu: 'Thursday',
  fri: 'Friday',
  sat: 'Saturday',
  sun: 'Sunday',
};
export const MONTH_NAMES: readonly string[] = 'January February March April May June July August September October November December'.split(' ');

/** For example: `Every 2 weeks on Monday and Friday at 09:00, Europe/Berlin time.` */
export function recurringSentence(rule: RecurringRule): string {
  const every = rule.n === 1 ? `every ${rule.unit}` : `every ${counted(rule.n, rule.unit)}`;
  if (!('at' in rule)) {
    return sentence(`${every}, counted from ${new Date(rule.anchor).toISOString().replace('.000Z', 'Z')}`, rule.timezone);
  }
  const at = `at ${join(rule.at.map((time) => time.replace(/:00$/, '')))}`;
  const counting = rule.n === 1 ? '' : `, counted from ${rule.anchor}`;
  return sentence(`${every}${daysText(rule)} ${at}${counting}`, rule.timezone);
}

function daysText(rule: CalendarRule): string {
  if (rule.unit === 'day') return '';
  if (rule.unit === 'week') return ` on ${join(rule.weekdays.map((weekday) => WEEKDAY_NAMES[weekday]))}`;
  const days = ` on ${join(rule.days.map(dayText))}`;
  const months = rule.unit === 'year' ? ` of ${join(rule.months.map((month) => MONTH_NAMES[month - 1] ?? ''))}` : '';
  const short = rule.days.some((each) => 'day' in each && each.day > 28);
  const policy = !short ? '' : rule.shortMonth === 'last_day' ? ' (the last day in shorter months)' : ' (not in shorter months)';
  return `${days}${months}${policy}`;
}

function dayText(each: MonthDay): string {
  if ('last' in each) return 'the last day';
  if ('day' in each) return `day ${each.day}`;
  return `the ${each.nth === -1 ? 'last' : ordinal(each.nth)} ${each.weekday === 'workday' ? 'working day' : WEEKDAY_NAMES[each.weekday]}`;
}
