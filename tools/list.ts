// Owns the tool list: what exists, newest first, a page at a time.
import { z } from 'zod';
import { parseRange } from '../src/domain/job-range.ts';
import type { ListFilter } from '../src/store/port/common.ts';
import { Instant } from '../src/task/job-input.ts';
import { defineTool } from './tool.ts';
import { LIST_KINDS, listPage } from './views/lists.ts';
import { Cursor, Limit, Next } from './wire/fields.ts';

const SHOWN = 20;
const Name = z.string().min(1).max(200).optional();

export const Filter = z.strictObject({
  status: Name.describe('running, failed, …'),
  queue: Name,
  workflow: Name.describe('Name of a workflow; list kind=workflows then shows all versions.'),
  task: Name,
  project: Name.describe('Name of a project.'),
  session_id: Name,
  execution_id: Name.describe('Executions: its children. Jobs, events: its own.'),
  batch: z
    .string()
    .max(100)
    .refine((text) => parseRange(text) !== null, 'expected a batch_id, as enqueue_job gave it')
    .optional()
    .describe('Jobs of one batch_id.'),
  dead: z.boolean().optional().describe('Jobs with no attempt left.'),
  error_code: Name.describe('Jobs that ended with it.'),
  since: Instant.optional(),
  until: Instant.optional(),
  text: Name.describe('Part of a name.'),
  namespace: Name.describe("Default: this server's; * for all."),
});

/** The store's filter; the namespace is this server's unless another is named. */
export function toListFilter(filter: z.output<typeof Filter>, namespace: string): ListFilter {
  const { session_id, execution_id, error_code, batch, ...same } = filter;
  return {
    ...same,
    errorCode: error_code,
    batch: batch === undefined ? undefined : (parseRange(batch) ?? undefined),
    sessionId: session_id,
    executionId: execution_id,
    namespace: filter.namespace === '*' ? undefined : (filter.namespace ?? namespace),
  };
}

/** Names of the filters that are given. */
export function givenFilters(filter: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [name]));
}

export const listTool = defineTool({
  name: 'list',
  title: 'List what exists',
  description:
    'List and search workflows, executions, jobs, schedules, sessions, workers (agents and processes), queues with their statistics, insights (failures that are alike, flaky and slow steps, late runs, work by the hour), or events, newest first (events: the newest, oldest first), filtered by status, queue, workflow, task, session, time or text.',
  kind: 'read',
  idempotent: true,
  openWorld: false,
  input: z.strictObject({
    kind: z.enum(LIST_KINDS),
    filter: Filter.optional(),
    limit: Limit.describe(`Default ${SHOWN}.`),
    cursor: Cursor,
  }),
  output: z.looseObject({
    kind: z.string(),
    items: z.array(z.looseObject({})),
    count: z.int(),
    next_cursor: z.string().optional(),
    truncated: z.boolean().optional(),
    next: Next,
  }),
  async handle({ engine }, { kind, filter = {}, limit = SHOWN, cursor }) {
    return listPage(kind, givenFilters(filter), { engine, filter: toListFilter(filter, engine.namespace), limit, cursor: cursor ?? null });
  },
});
