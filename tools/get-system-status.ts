// Owns the tool get_system_status: how it is going, in one reply.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import { Instant } from '../src/task/job-input.ts';
import { defineTool } from './tool.ts';
import { shortText } from './wire/compact.ts';
import { ResponseFormat } from './wire/fields.ts';
import { statusToWire } from './wire/status.ts';

export const getSystemStatusTool = defineTool({
  name: 'get_system_status',
  title: 'System status',
  description:
    'Get the status and health of the whole system: store, processes, queues, what runs, what waits for a person, recent failures, throughput, what is due next, and who goes on when this client exits. With since also what changed while you were away, and which planned times of schedules were missed, late, coalesced, skipped or failed.',
  kind: 'read',
  idempotent: true,
  openWorld: false,
  input: z.strictObject({
    since: z
      .union([z.string().min(1).max(100), z.int().min(0)])
      .optional()
      .describe('ISO 8601 time with offset, or the cursor of an earlier status.'),
    response_format: ResponseFormat.describe(
      'detailed adds longer lists and the sections orchestration_engine, workflow_manager, task_orchestrator, project_manager, resource_manager, performance.',
    ),
  }),
  output: z.looseObject({
    version: z.string(),
    health: z.string(),
    executions: z.looseObject({}),
    queues: z.array(z.looseObject({})),
    waiting_for_person: z.array(z.looseObject({})),
    recent_failures: z.array(z.looseObject({})),
    warnings: z.array(z.string()).optional(),
    outlets: z.array(z.looseObject({})).optional(),
    hooks: z.array(z.looseObject({})).optional(),
    liveness: z.string(),
    cursor: z.string(),
    changes: z.looseObject({}).optional(),
  }),
  async handle({ engine }, { since, response_format }) {
    const status = engine.getSystemStatus(since === undefined ? undefined : sinceOf(since));
    return statusToWire(status, response_format === 'detailed' ? engine.performance() : null);
  },
});

/** Digits are a cursor; a moment is written as ISO 8601. */
function sinceOf(since: string | number): { readonly at: number } | { readonly cursor: number } {
  const text = String(since);
  if (/^\d{1,15}$/.test(text)) return { cursor: Number(text) };
  const at = Instant.safeParse(text);
  if (at.success) return { at: at.data };
  throw new LogisticsError('invalid_input', `"${shortText(text, 60)}" is neither a time nor a cursor.`, {
    path: 'since',
    expected: 'ISO 8601 with offset such as 2026-11-21T09:00:00Z, or the cursor of an earlier status',
  });
}
