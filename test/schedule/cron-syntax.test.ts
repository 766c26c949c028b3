// Owns what a cron expression may look like: every form with its normal text, every refusal with its words.
import { describe, expect, it } from 'vitest';
import { CronExpression, type CronOptions } from '../../src/schedule/cron-expression.ts';
import { ScheduleError } from '../../src/schedule/schedule-error.ts';

function refused(text: string, options: CronOptions = {}): ScheduleError {
  try {
    CronExpression.parse(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ScheduleError);
    return error as ScheduleError;
  }
  throw new Error(`"${text}" was taken`);
}

function fires(text: string, from: string, n: number, options: CronOptions = {}): string[] {
  const found: string[] = [];
  for (const at of CronExpression.parse(text, options).iterate(Date.parse(from))) {
    found.push(new Date(at).toISOString().replace('.000Z', 'Z'));
    if (found.length === n) break;
  }
  return found;
}

describe('syntax', () => {
  it.each([
    ['*/5 * * * *', '*/5 * * * *', 'Every 5 minutes, UTC.'],
    ['* * * * *', '* * * * *', 'Every minute, UTC.'],
    ['*/1 * * * *', '* * * * *', 'Every minute, UTC.'],
    ['0 * * * *', '0 * * * *', 'At minute 0 of every hour, UTC.'],
    ['0 */2 * * *', '0 */2 * * *', 'At minute 0 of every 2 hours every day, UTC.'],
    ['  30\t9 *  * mon-fri ', '30 9 * * 1-5', 'At 09:30 on Monday to Friday, UTC.'],
    ['0 9,17 * * 7', '0 9,17 * * 0', 'At 09:00 and 17:00 on Sunday, UTC.'],
    ['00 09 01 01 *', '0 9 1 1 *', 'At 09:00 on day 1 in January, UTC.'],
    ['0 0 * jan-mar,DEC ?', '0 0 * 1-3,12 *', 'At 00:00 in January to March and December, UTC.'],
    ['0 0 ? * 5L', '0 0 * * 5L', 'At 00:00 on the last Friday of the month, UTC.'],
    ['0 0 * * FRIL', '0 0 * * 5L', 'At 00:00 on the last Friday of the month, UTC.'],
    ['0 0 * * MON#1,wed#2', '0 0 * * 1#1,3#2', 'At 00:00 on the 1st Monday of the month and the 2nd Wednesday of the month, UTC.'],
    ['0 0 L * *', '0 0 L * *', 'At 00:00 on the last day of the month, UTC.'],
    ['0 0 L-3 * *', '0 0 L-3 * *', 'At 00:00 on the 3rd day before the last day of the month, UTC.'],
    ['0 0 15W * *', '0 0 15W * *', 'At 00:00 on the working day nearest to day 15 of the month, UTC.'],
    ['0 0 LW * *', '0 0 LW * *', 'At 00:00 on the last working day of the month, UTC.'],
    ['0 0 13 * 5', '0 0 13 * 5', 'At 00:00 on day 13 of the month or on Friday, UTC.'],
    ['0 0 * * FRI-SUN', '0 0 * * 5-7', 'At 00:00 on Friday to Sunday, UTC.'],
    ['5/15 * * * *', '5-59/15 * * * *', 'At minute 5 and every 15th minute after it up to 59 of every hour, UTC.'],
    ['0 0 12 * * *', '0 12 * * *', 'At 12:00 every day, UTC.'],
    ['15 0 12 * * *', '15 0 12 * * *', 'At 12:00:15 every day, UTC.'],
    ['*/10 * * * * *', '*/10 * * * * *', 'Every 10 seconds, UTC.'],
    ['1,1 * * * *', '1 * * * *', 'At minute 1 of every hour, UTC.'],
    ['@yearly', '0 0 1 1 *', 'At 00:00 on day 1 in January, UTC.'],
    ['@annually', '0 0 1 1 *', 'At 00:00 on day 1 in January, UTC.'],
    ['@monthly', '0 0 1 * *', 'At 00:00 on day 1 of the month, UTC.'],
    ['@weekly', '0 0 * * 0', 'At 00:00 on Sunday, UTC.'],
    ['@daily', '0 0 * * *', 'At 00:00 every day, UTC.'],
    ['@Midnight', '0 0 * * *', 'At 00:00 every day, UTC.'],
    ['@hourly', '0 * * * *', 'At minute 0 of every hour, UTC.'],
    ['CRON_TZ=Europe/Berlin 0 9 * * *', '0 9 * * *', 'At 09:00 every day, Europe/Berlin time.'],
    ['TZ=europe/berlin @daily', '0 0 * * *', 'At 00:00 every day, Europe/Berlin time.'],
  ])('%s', (text, normal, sentence) => {
    const cron = CronExpression.parse(text);
    expect([cron.text, cron.describe()]).toEqual([normal, sentence]);
  });

  it.each([
    ['', 'The cron expression is empty.', 'five fields'],
    ['   ', 'The cron expression is empty.', 'five fields'],
    ['5', 'has 1 field.', 'five fields'],
    ['5 4 * *', 'has 4 fields.', 'five fields'],
    ['0 0 0 1 1 * 2030', 'has 7 fields; a year field is not supported.', 'start and end'],
    ['60 * * * *', 'The minute field holds 60, which is out of its range.', 'minute: 0-59'],
    ['60 0 * * * *', 'The second field holds 60', 'second: 0-59'],
    ['0 24 * * *', 'The hour field holds 24', 'hour: 0-23'],
    ['0 0 0 * *', 'The day-of-month field holds 0', 'day-of-month: 1-31'],
    ['0 0 32 * *', 'The day-of-month field holds 32', '1-31'],
    ['0 0 * 13 *', 'The month field holds 13', 'month: 1-12 or JAN-DEC'],
    ['0 0 * * 8', 'The day-of-week field holds 8', '0-7, 0 and 7 are Sunday'],
    ['0 0 * MARCH *', 'The month field does not know MARCH.', 'JAN-DEC'],
    ['0 0 * * MONN', 'The day-of-week field does not know MONN.', 'SUN-SAT'],
    ['x * * * *', 'The minute field cannot read "x".', 'minute: 0-59'],
    ['-5 * * * *', 'The minute field cannot read "-5".', 'minute: 0-59'],
    ['1.5 * * * *', 'The minute field cannot read "1.5".', 'minute: 0-59'],
    ['*-5 * * * *', 'The minute field cannot read "*-5".', 'minute: 0-59'],
    ['1,,2 * * * *', 'The minute field holds an empty element', 'lists (1,5)'],
    ['*/0 * * * *', 'The minute field holds */0; a step is at least 1.', 'minute'],
    ['*/90 * * * *', 'step is larger than the 60 values', 'minute'],
    ['0 0 1-31/40 * *', 'step is larger than the 31 values', 'day-of-month'],
    ['*/x * * * *', 'whose step is no whole number', 'minute'],
    ['0 22-2 * * *', 'holds the range 22-2, which runs backwards.', 'hour'],
    ['? * * * *', 'holds ?, which stands only for a day field', 'minute'],
    ['L * * * *', 'L, W and # belong into the day fields', 'minute'],
    ['H * * * *', 'holds H, which is not supported; use jitter', 'minute'],
    ['0 0 W * *', 'The day-of-month field cannot read "W".', '15W'],
    ['0 0 1-15W * *', 'The day-of-month field cannot read "1-15W".', '15W'],
    ['0 0 L-31 * *', 'no month has such a day', 'L-3'],
    ['0 0 5#2 * *', '# belongs into day-of-week', 'day-of-month'],
    ['0 0 * * L', 'holds L without a day.', '5L'],
    ['0 0 * * 1#6', 'the first to the fifth of a weekday', '5#2'],
    ['@dayly', 'There is no alias @dayly.', '@daily'],
    ['@every 5m', '@every is not cron', 'recurring'],
    ['@reboot', '@reboot names no time.', 'five fields'],
    ['0 0 30 2 *', '"0 0 30 2 *" can never fire: month 2 has no day that fits day-of-month 30.', 'a day that exists'],
    ['0 0 31 4,6,9,11 *', 'can never fire: month 4,6,9,11 has no day', 'a day that exists'],
    ['0 0 L-30 2 *', 'can never fire', 'a day that exists'],
    ['CRON_TZ=Europe/Berln 0 0 * * *', 'There is no time zone "Europe/Berln".', 'IANA'],
    ['CRON_TZ=EST 0 0 * * *', 'EST is an abbreviation, not a time zone', 'IANA'],
    [`0 0 * * ${'1,'.repeat(300)}1`, 'at most 500 are read', 'five fields'],
  ])('refuses %s', (text, message, expected) => {
    const error = refused(text);
    expect(error.code).toBe('invalid_input');
    expect(error.path).toBe('expression');
    expect(error.message).toContain(message);
    expect(error.expected).toContain(expected);
  });

  it.each([
    ['0 0 * MARCH *', 'MAR'],
    ['0 0 * * MONN', 'MON'],
    ['0 22-2 * * *', '22-23,0-2'],
    ['0 0 * * 5-1', '5-6,0-1'],
    ['@dayly', '@daily'],
    ['0 0 * * L', '5L'],
    ['CRON_TZ=Europe/Berln 0 0 * * *', 'Europe/Berlin'],
  ])('%s may mean %s', (text, near) => {
    expect(refused(text).nearMatches).toContain(near);
  });

  it('refuses two time zones', () => {
    expect(refused('CRON_TZ=Europe/Berlin 0 0 * * *', { timezone: 'UTC' }).path).toBe('timezone');
    expect(CronExpression.parse('CRON_TZ=Europe/Berlin 0 0 * * *', { timezone: 'Europe/Berlin' }).timezone).toBe('Europe/Berlin');
  });

  it('warns of what may not be meant', () => {
    expect(CronExpression.parse('*/45 * * * *').warnings).toEqual([expect.stringContaining('60 is no multiple of 45')]);
    expect(CronExpression.parse('0 0 13 * 5').warnings).toEqual([expect.stringContaining('fits either')]);
    expect(CronExpression.parse('0 0 */2 * 1').warnings).toHaveLength(2);
    expect(CronExpression.parse('*/15 9-17 * * 1-5').warnings).toEqual([]);
  });
});

describe('codomyrmex numbering', () => {
  it.each([
    ['0 9 * * 0', '0 9 * * 1'],
    ['0 9 * * 6', '0 9 * * 7'.replace('7', '0')],
    ['0 9 * * 0-4', '0 9 * * 1-5'],
    ['0 9 * * 4-6', '0 9 * * 5-7'],
    ['0 9 * * 0-6/2', '0 9 * * 1-7/2'],
    ['0 9 * * */2', '0 9 * * 1-7/2'],
    ['0 9 * * 4L', '0 9 * * 5L'],
    ['0 9 * * 6#1', '0 9 * * 0#1'],
    ['0 9 * * SUN', '0 9 * * 0'],
    ['0 9 * * *', '0 9 * * *'],
    ['@weekly', '0 0 * * 0'],
  ])('%s is %s', (text, normal) => {
    expect(CronExpression.parse(text, { mondayZero: true }).text).toBe(normal);
  });

  it('has no 7', () => {
    const error = refused('0 9 * * 7', { mondayZero: true });
    expect(error.expected).toContain('0-6, 0 is Monday');
  });
});

describe('changes of the clock', () => {
  const newYork = { timezone: 'America/New_York' };

  it('a fixed time in a gap fires once at its end, in a fold once', () => {
    expect(fires('30 2 * * *', '2026-03-07T12:00:00Z', 2, newYork)).toEqual(['2026-03-08T07:00:00Z', '2026-03-09T06:30:00Z']);
    expect(fires('0,30 2 * * *', '2026-03-07T12:00:00Z', 2, newYork)).toEqual(['2026-03-08T07:00:00Z', '2026-03-09T06:00:00Z']);
    expect(fires('30 1 * * *', '2026-10-31T12:00:00Z', 2, newYork)).toEqual(['2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z']);
  });

  it('with * or a step in minute or hour it follows the clock', () => {
    expect(fires('*/30 2 * * *', '2026-03-07T12:00:00Z', 1, newYork)).toEqual(['2026-03-09T06:00:00Z']);
    expect(fires('*/30 1 * * *', '2026-11-01T04:00:00Z', 5, newYork)).toEqual([
      '2026-11-01T05:00:00Z',
      '2026-11-01T05:30:00Z',
      '2026-11-01T06:00:00Z',
      '2026-11-01T06:30:00Z',
      '2026-11-02T06:00:00Z',
    ]);
  });

  it.each([
    ['next_valid', '2026-03-08T07:00:00Z'],
    ['shift', '2026-03-08T07:30:00Z'],
    ['skip', '2026-03-09T06:30:00Z'],
  ] as const)('gap %s', (gap, at) => {
    expect(fires('30 2 * * *', '2026-03-07T12:00:00Z', 1, { ...newYork, gap })).toEqual([at]);
  });

  it.each([
    ['first', ['2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z']],
    ['second', ['2026-11-01T06:30:00Z', '2026-11-02T06:30:00Z']],
    ['both', ['2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z']],
  ] as const)('fold %s', (fold, at) => {
    expect(fires('30 1 * * *', '2026-10-31T12:00:00Z', 2, { ...newYork, fold })).toEqual(at);
  });

  it('midnight in Havana fires at the first of two, and a day that Apia never had at the end of the gap', () => {
    expect(fires('0 0 * * *', '2026-10-31T12:00:00Z', 2, { timezone: 'America/Havana' })).toEqual(['2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z']);
    expect(fires('0 12 30 * *', '2011-12-01T00:00:00Z', 1, { timezone: 'Pacific/Apia' })).toEqual(['2011-12-30T10:00:00Z']);
    expect(fires('0 12 30 * *', '2011-12-01T00:00:00Z', 1, { timezone: 'Pacific/Apia', gap: 'skip' })).toEqual(['2012-01-29T22:00:00Z']);
  });

  it('one that lies in a gap whenever it would fire never fires, and says so soon', () => {
    const cron = CronExpression.parse('30 2 * 3 0L', { timezone: 'Europe/Berlin', gap: 'skip' });
    expect(cron.next(Date.UTC(2026, 0, 1))).toBeNull();
    expect(cron.prev(Date.UTC(1980, 0, 1))).not.toBeUndefined();
  });
});

describe('days of a month', () => {
  it.each([
    ['0 0 1W * *', '2026-07-02T00:00:00Z', ['2026-08-03T00:00:00Z', '2026-09-01T00:00:00Z']], // 1 August is a Saturday
    ['0 0 15W * *', '2026-08-01T00:00:00Z', ['2026-08-14T00:00:00Z', '2026-09-15T00:00:00Z']], // 15 August is a Saturday
    ['0 0 31W * *', '2026-01-31T00:00:00Z', ['2026-03-31T00:00:00Z', '2026-05-29T00:00:00Z']], // 31 May is a Sunday; February and April have no 31st
    ['0 0 LW * *', '2026-02-01T00:00:00Z', ['2026-02-27T00:00:00Z', '2026-03-31T00:00:00Z']],
    ['0 0 L-2 * *', '2026-02-01T00:00:00Z', ['2026-02-26T00:00:00Z', '2026-03-29T00:00:00Z']],
    ['0 0 L-30 * *', '2026-02-01T00:00:00Z', ['2026-03-01T00:00:00Z', '2026-05-01T00:00:00Z']],
    ['0 0 * * 0L', '2026-05-01T00:00:00Z', ['2026-05-31T00:00:00Z', '2026-06-28T00:00:00Z']],
    ['0 0 * * 5#5', '2026-01-31T00:00:00Z', ['2026-05-29T00:00:00Z', '2026-07-31T00:00:00Z']],
    ['0 0 1,L * 1#1', '2026-08-01T00:00:00Z', ['2026-08-03T00:00:00Z', '2026-08-31T00:00:00Z']],
  ])('%s', (text, from, wanted) => {
    expect(fires(text, from, 2)).toEqual(wanted);
  });
});

describe('sparse expressions', () => {
  it('29 February on a Monday', () => {
    expect(fires('0 0 * 2 1#5', '2026-01-01T00:00:00Z', 3)).toEqual(['2044-02-29T00:00:00Z', '2072-02-29T00:00:00Z', '2112-02-29T00:00:00Z']);
    expect(fires('0 0 29 2 *', '2097-01-01T00:00:00Z', 1)).toEqual(['2104-02-29T00:00:00Z']);
    expect(new Date(CronExpression.parse('0 0 * 2 1#5').prev(Date.UTC(2026, 0, 1)) as number).toISOString()).toBe('2016-02-29T00:00:00.000Z');
  });

  it('matches is true in the whole minute, or second, of a fire', () => {
    const daily = CronExpression.parse('30 9 * * *', { timezone: 'Europe/Berlin' });
    expect(daily.matches(Date.parse('2026-06-01T07:30:59.999Z'))).toBe(true);
    expect(daily.matches(Date.parse('2026-06-01T07:31:00Z'))).toBe(false);
    const seconds = CronExpression.parse('5 30 9 * * *');
    expect(seconds.matches(Date.parse('2026-06-01T09:30:05.900Z'))).toBe(true);
    expect(seconds.matches(Date.parse('2026-06-01T09:30:06Z'))).toBe(false);
  });

  it('nothing is planned after the year 9999 or before 1900', () => {
    expect(CronExpression.parse('0 0 * * *').next(Date.UTC(9999, 11, 31))).toBeNull();
    expect(CronExpression.parse('0 0 * * *').prev(Date.UTC(1900, 0, 1))).toBeNull();
    expect(CronExpression.parse('0 0 * * *').next(-8.64e15)).toBe(Date.UTC(1900, 0, 1));
    expect(CronExpression.parse('0 0 * * *').next(8.64e15)).toBeNull();
  });
});
