// Owns the reference topic on when schedules fire: cron expressions out of the table they are read by, recurring rules, zones and policies.
import { z } from 'zod';
import { CatchupPolicy, DEFAULT_CATCHUP, DEFAULT_OVERLAP, OVERLAP_POLICIES } from '../../src/domain/schedule.ts';
import { ALIASES, FIELDS } from '../../src/schedule/cron-syntax.ts';
import { RecurringFields } from '../schedules/recurring-rule.ts';
import { code, fieldRows, type SchemaNode, table } from './markdown.ts';

export function cronSyntax(): string {
  const fields = FIELDS.map(({ name, min, max, names }) => [name, `${min}–${max}`, names.join(' ')]);
  const schema = z.toJSONSchema(z.object(RecurringFields), { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  const recurring = fieldRows(schema).flatMap(([name = '', , , meaning = '']) => (meaning === '' || name.includes('.') ? [] : [[name, meaning]]));
  return [
    '# Cron syntax and recurring rules',
    'Five fields (minute hour day-of-month month day-of-week), or six with seconds first. Day of week 0 and 7 are Sunday; with `monday_zero` numbers count from Monday = 0. If both day fields are restricted, a day that fits either fires.',
    table(['field', 'range', 'names'], fields),
    table(
      ['form', 'meaning'],
      [
        ['`*`', 'every value'],
        ['`1,3,5`', 'a list'],
        ['`9-17`', 'a range'],
        ['`*/15`, `9-17/2`', 'every nth value'],
        ['`L`, `L-3`', 'last day of the month, so many days before it'],
        ['`15W`, `LW`', 'weekday nearest to the 15th, last weekday of the month'],
        ['`5L`, `5#2`', 'last Friday, second Friday of the month'],
      ],
    ),
    table(
      ['alias', 'expression'],
      Object.entries(ALIASES).map(([alias, expression]) => [code(alias), code(expression)]),
    ),
    'A year field is not supported: `start_at` and `end_at` bound a schedule.',
    '## Time zones',
    '`timezone` is an IANA name, default UTC. A local time that spring skips: `gap` `next_valid`, `shift` or `skip`. One that autumn repeats: `fold` `first`, `second` or `both`. By default a fixed time fires once on such days.',
    '## schedule_recurring',
    'Exactly one of `every`, `daily`, `weekly`, `monthly`, `yearly`, `rrule`, `at`, `delay`.',
    table(['field', 'meaning'], recurring),
    '## Policies',
    `\`overlap\`, while the run before goes on: ${OVERLAP_POLICIES.map(code).join(', ')}; default ${code(DEFAULT_OVERLAP)}. \`catchup\`, for times that passed while nothing ran: ${CatchupPolicy.shape.mode.options.map(code).join(', ')}; default ${code(DEFAULT_CATCHUP.mode)} within ${DEFAULT_CATCHUP.windowMs / 3_600_000} h. Each planned time has an entry in the ledger: \`get view=events\` of a schedule; \`view=explain\` says why it did not run. \`dry_run\` shows the next fires and stores nothing.`,
    'A file of `workflowsDir` may hold `schedules`: a list of the same fields (`expression` or a recurring rule, `input`, policies) without a target, which is the workflow of the file.',
  ].join('\n\n');
}
