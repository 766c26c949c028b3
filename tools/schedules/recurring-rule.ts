// Owns how the words of a rule are told to clients: short schemas, each with an example.
import { CronWords, RecurringWords } from '../../src/schedule/rule-words.ts';
import { brief, briefObject, ZoneFields } from './fields.ts';

const { every, daily, weekly, monthly, yearly, rrule, at, delay, on, months, short_month, anchor } = RecurringWords.shape;

export const RecurringFields = {
  every: brief(every.unwrap()).optional().describe('"90s", "15m", "2 weeks"; or "day", "week" … with at, on.'),
  daily: briefObject(daily.unwrap()).optional().describe('{"at": ["09:00", "17:30"], "every": 2}'),
  weekly: briefObject(weekly.unwrap()).optional().describe('{"on": ["mon", "thu"] or "weekdays", "at": "09:00"}'),
  monthly: briefObject(monthly.unwrap())
    .optional()
    .describe('{"on": [1, "last", "2nd tuesday", "last workday"], "at": "09:00", "short_month": "last_day" | "skip"}'),
  yearly: briefObject(yearly.unwrap()).optional().describe('{"months": ["march"], "on": 31, "at": "09:00"}'),
  rrule: rrule.describe('RFC 5545: FREQ=WEEKLY;BYDAY=MO'),
  at: brief(at.unwrap()).optional().describe('Alone: one moment, ISO 8601, or local time with timezone. With every: times of day.'),
  delay: brief(delay.unwrap()).optional().describe('Once, this long from now.'),
  on: brief(on.unwrap()).optional().describe('With every: days as in weekly, monthly.'),
  months: brief(months.unwrap()).optional(),
  short_month,
  anchor: anchor.describe('From when periods count; default now.'),
  ...ZoneFields,
};

export const CronFields = {
  monday_zero: CronWords.shape.monday_zero.describe('Weekday numbers count from Monday = 0.'),
};
