// Owns that time zones are checked by name and that local times and instants meet, also where the clocks skip or repeat.
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { ScheduleError } from '../../src/schedule/schedule-error.ts';
import { TimezoneManager, validZone } from '../../src/schedule/timezone-manager.ts';
import { wallOf } from './cron-oracle.ts';

const zones = new TimezoneManager('Europe/Berlin');
const at = (iso: string): number => Date.parse(iso);

describe('names', () => {
  it.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    [' europe/berlin ', 'Europe/Berlin'],
    ['utc', 'UTC'],
    ['Etc/UTC', 'UTC'],
    ['GMT', 'UTC'],
    ['US/Eastern', 'US/Eastern'],
    ['asia/kathmandu', 'Asia/Kathmandu'],
    ['America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
    ['Etc/GMT-2', 'Etc/GMT-2'],
  ])('%s is %s', (name, valid) => {
    expect(validZone(name)).toBe(valid);
  });

  it.each([
    ['Europe/Berln', 'There is no time zone "Europe/Berln".', 'Europe/Berlin'],
    ['Berlin', 'There is no time zone "Berlin".', 'Europe/Berlin'],
    ['New York', 'There is no time zone "New York".', 'America/New_York'],
    ['EST', 'EST is an abbreviation', 'America/New_York'],
    ['CET', 'CET is an abbreviation', 'Europe/Berlin'],
    ['PST8PDT', 'PST8PDT is an abbreviation', 'America/Los_Angeles'],
    ['XYZ', 'XYZ is an abbreviation', undefined],
    ['+02:00', '+02:00 is an offset, not a time zone', undefined],
    ['UTC+2', 'UTC+2 is an offset', undefined],
    ['', 'There is no time zone ""', undefined],
    ['../etc/passwd', 'There is no time zone', undefined],
  ])('refuses %s', (name, message, near) => {
    const error = (() => {
      try {
        return validZone(name);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ScheduleError);
    expect(error).toMatchObject({ code: 'invalid_input', path: 'timezone', message: expect.stringContaining(message) });
    if (near !== undefined) expect((error as ScheduleError).nearMatches).toContain(near);
  });

  it('every place that Intl lists is valid', () => {
    for (const name of Intl.supportedValuesOf('timeZone').filter((each) => each.includes('/'))) expect(validZone(name)).toBe(name === 'Etc/UTC' ? 'UTC' : name);
  });
});

describe('offsets', () => {
  it('agree with Intl every 11 hours over years, in all kinds of zones', () => {
    for (const zone of ['Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Casablanca', 'America/St_Johns', 'Pacific/Apia', 'Africa/Cairo', 'Asia/Tehran']) {
      for (let time = Date.UTC(2009, 0, 1); time < Date.UTC(2015, 0, 1); time += 11 * 3_600_000) {
        expect(zones.offsetAt(time, zone) / 60_000, `${zone} ${new Date(time).toISOString()}`).toBe(wallOf(zone, time) - time / 60_000);
      }
    }
  });

  it('transitions are found to the second and told with the local times they skip or repeat', () => {
    expect(zones.transitions(Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1))).toEqual([
      {
        at: at('2026-03-29T01:00:00Z'),
        kind: 'gap',
        offsetBeforeMs: 3_600_000,
        offsetAfterMs: 7_200_000,
        localFrom: '2026-03-29T02:00:00',
        localTo: '2026-03-29T03:00:00',
      },
      {
        at: at('2026-10-25T01:00:00Z'),
        kind: 'fold',
        offsetBeforeMs: 7_200_000,
        offsetAfterMs: 3_600_000,
        localFrom: '2026-10-25T02:00:00',
        localTo: '2026-10-25T03:00:00',
      },
    ]);
    expect(zones.transitions(Date.UTC(2014, 0, 1), Date.UTC(2015, 0, 1), 'Africa/Cairo')).toHaveLength(4);
    expect(zones.transitions(Date.UTC(2011, 11, 1), Date.UTC(2012, 0, 1), 'Pacific/Apia')).toMatchObject([
      { localFrom: '2011-12-30T00:00:00', localTo: '2011-12-31T00:00:00' },
    ]);
    expect(zones.transitions(Date.UTC(1985, 11, 1), Date.UTC(1986, 1, 1), 'Asia/Kathmandu')).toMatchObject([{ localTo: '1986-01-01T00:15:00' }]);
    // One week of summer time, and an offset that ends within a quarter of an hour.
    expect(zones.transitions(Date.UTC(2000, 8, 1), Date.UTC(2000, 11, 1), 'America/Recife').map((each) => each.kind)).toEqual(['gap', 'fold']);
    expect(zones.transitions(Date.UTC(1971, 0, 1), Date.UTC(1973, 0, 1), 'Africa/Monrovia')).toMatchObject([
      { at: at('1972-01-07T00:44:30Z'), offsetBeforeMs: -2_670_000 },
    ]);
    expect(zones.transitions(Date.UTC(1900, 0, 1), Date.UTC(2100, 0, 1), 'UTC')).toEqual([]);
    expect(zones.transitions(at('2026-03-29T01:00:00Z'), at('2026-03-30T01:00:00Z'))).toEqual([]);
  });

  it('thirty years of transitions of every zone are those that luxon shows', { timeout: 60_000 }, () => {
    for (const zone of Intl.supportedValuesOf('timeZone').filter((_, i) => i % 25 === 0)) {
      for (const { at: change, offsetBeforeMs, offsetAfterMs } of zones.transitions(Date.UTC(1995, 0, 1), Date.UTC(2025, 0, 1), zone)) {
        expect(DateTime.fromMillis(change - 1_000, { zone }).offset * 60_000).toBe(offsetBeforeMs);
        expect(DateTime.fromMillis(change, { zone }).offset * 60_000).toBe(offsetAfterMs);
      }
    }
  });
});

describe('local time and instant', () => {
  it('a local time is one instant, none or two', () => {
    expect(zones.meaningOf('2026-06-01T09:00:00')).toEqual({ kind: 'unique', at: at('2026-06-01T07:00:00Z') });
    expect(zones.meaningOf('2026-03-29T02:30:00')).toEqual({ kind: 'gap', at: at('2026-03-29T01:00:00Z'), shifted: at('2026-03-29T01:30:00Z') });
    expect(zones.meaningOf('2026-10-25T02:30')).toEqual({ kind: 'fold', first: at('2026-10-25T00:30:00Z'), second: at('2026-10-25T01:30:00Z') });
    expect(zones.meaningOf('2026-10-25T03:00')).toMatchObject({ kind: 'unique' });
    expect(zones.meaningOf('2026-03-29T03:00')).toMatchObject({ kind: 'unique' });
    expect(() => zones.meaningOf('2026-02-30T00:00')).toThrow(/no local time/);
  });

  it('policies choose', () => {
    const gap = '2026-03-29T02:30:00';
    expect(zones.toInstants(gap, { gap: 'next_valid', fold: 'first' })).toEqual([at('2026-03-29T01:00:00Z')]);
    expect(zones.toInstants(gap, { gap: 'shift', fold: 'first' })).toEqual([at('2026-03-29T01:30:00Z')]);
    expect(zones.toInstants(gap, { gap: 'skip', fold: 'first' })).toEqual([]);
    const fold = '2026-10-25T02:30:00';
    expect(zones.toInstants(fold, { gap: 'skip', fold: 'both' })).toEqual([at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')]);
    expect(zones.toInstants(fold, { gap: 'skip', fold: 'second' })).toEqual([at('2026-10-25T01:30:00Z')]);
    expect(zones.toInstants('2026-06-01', { gap: 'skip', fold: 'first' })).toEqual([at('2026-05-31T22:00:00Z')]);
  });

  it('an instant is shown with its offset', () => {
    expect(zones.toLocal(at('2026-03-29T01:00:00Z'))).toBe('2026-03-29T03:00:00+02:00');
    expect(zones.toLocal(at('2026-03-29T00:59:59.250Z'))).toBe('2026-03-29T01:59:59.250+01:00');
    expect(zones.toLocal(0, 'America/St_Johns')).toBe('1969-12-31T20:30:00-03:30');
    expect(zones.toLocal(0, 'Africa/Monrovia')).toBe('1969-12-31T23:15:30-00:44:30');
    expect(zones.toLocal(0, 'UTC')).toBe('1970-01-01T00:00:00+00:00');
  });

  it('converts between zones', () => {
    expect(zones.convert('2026-06-01T09:00', 'Europe/Berlin', 'America/New_York')).toBe('2026-06-01T03:00:00-04:00');
    expect(zones.convert('2026-12-31T23:30', 'America/New_York', 'Asia/Kathmandu')).toBe('2027-01-01T10:15:00+05:45');
  });
});
