// Owns the tool schedule_cron: a cron expression and a target become a durable schedule.
import { z } from 'zod';
import { ruleOfWords } from '../src/schedule/rule-words.ts';
import { createSchedule } from './schedules/create.ts';
import { FIELD_ALIASES, ScheduleFields, ZoneFields } from './schedules/fields.ts';
import { CronFields } from './schedules/recurring-rule.ts';
import { ScheduleReply } from './schedules/reply.ts';
import { defineTool } from './tool.ts';

export const scheduleCronTool = defineTool({
  name: 'schedule_cron',
  title: 'Schedule by cron expression',
  description:
    'Schedule a workflow or task by a cron expression in a time zone; each planned time fires once or is accounted for in a ledger, across restarts and clock changes. ' +
    'Example: {"expression": "0 9 * * 1-5", "timezone": "Europe/Berlin", "target": {"workflow": "report"}}.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  aliases: FIELD_ALIASES,
  input: z.strictObject({
    expression: z
      .string()
      .min(1)
      .max(1_000)
      .describe('minute hour day month weekday, or six fields with seconds first; names, ranges, steps, lists, L, W, #, @daily.'),
    ...CronFields,
    ...ZoneFields,
    ...ScheduleFields,
  }),
  output: ScheduleReply,
  handle(context, args) {
    const { expression, monday_zero, timezone, gap, fold, ...fields } = args;
    const rule = { expression, monday_zero, timezone, gap, fold };
    return createSchedule(context, 'schedule_cron', () => ruleOfWords(rule, context.engine.now), fields, args);
  },
});
