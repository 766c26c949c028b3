// Owns the tool schedule_recurring: an interval, calendar days at local times, an RRULE or one moment, and a target, become a durable schedule.
import { z } from 'zod';
import { recurringRule } from '../src/schedule/rule-words.ts';
import { createSchedule } from './schedules/create.ts';
import { FIELD_ALIASES, ScheduleFields } from './schedules/fields.ts';
import { RecurringFields } from './schedules/recurring-rule.ts';
import { ScheduleReply } from './schedules/reply.ts';
import { defineTool } from './tool.ts';

export const scheduleRecurringTool = defineTool({
  name: 'schedule_recurring',
  title: 'Schedule repeatedly or once',
  description:
    'Schedule a workflow or task every n seconds … years, on days at local times, by RRULE, or once at a moment (a reminder); each planned time fires once or is accounted for. ' +
    'Give exactly one of every, daily, weekly, monthly, yearly, rrule, at, delay. Example: {"every": "15m", "target": {"task": "http.request", "input": {"url": "https://example.org"}}}.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  aliases: FIELD_ALIASES,
  input: z.strictObject({ ...RecurringFields, ...ScheduleFields }),
  output: ScheduleReply,
  handle(context, args) {
    const { every, daily, weekly, monthly, yearly, rrule, at, delay, on, months, short_month, anchor, timezone, gap, fold, ...fields } = args;
    const rule = { every, daily, weekly, monthly, yearly, rrule, at, delay, on, months, short_month, anchor, timezone, gap, fold };
    return createSchedule(context, 'schedule_recurring', () => recurringRule(rule, context.engine.now), fields, args);
  },
});
