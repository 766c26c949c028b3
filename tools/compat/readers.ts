// Owns the reading tools of earlier programs of this kind, under their names and with their fields: all of it is read from the one engine.
import { z } from 'zod';
import { LogisticsError } from '../../src/domain/errors.ts';
import { healthOf } from '../../src/orchestration/health.ts';
import { defineTool } from '../tool.ts';
import { compact, iso } from '../wire/compact.ts';
import { Next } from '../wire/fields.ts';

const NONE = z.strictObject({});
const SHOWN = 100;
const READS = { kind: 'read', idempotent: true, openWorld: false } as const;

export const listWorkflowsTool = defineTool({
  ...READS,
  name: 'list_workflows',
  title: 'List workflows',
  description: 'List the names of stored workflows, newest first, with their versions. list kind=workflows takes filters and pages.',
  input: NONE,
  output: z.looseObject({ workflows: z.array(z.string()), count: z.int(), next: Next }),
  async handle({ engine }) {
    const page = engine.backend.listDefinitions({ filter: { namespace: engine.namespace }, limit: SHOWN, cursor: null });
    return {
      workflows: page.items.map((item) => item.name),
      count: page.items.length,
      details: page.items.map((item) => ({ workflow_id: item.id, name: item.name, version: item.version, steps: item.definition.steps.length })),
      ...(page.nextCursor === null ? {} : { truncated: true, next: ['list kind=workflows goes on with a cursor'] }),
    };
  },
});

export const listProjectsTool = defineTool({
  ...READS,
  name: 'list_projects',
  title: 'List projects',
  description:
    'List projects with type (the template they were made of), status and time of creation, newest first. list kind=projects takes filters and pages.',
  input: NONE,
  output: z.looseObject({ projects: z.array(z.looseObject({})), count: z.int(), next: Next }),
  async handle({ engine }) {
    const page = engine.projects.list({}, SHOWN, null);
    return {
      projects: page.items.map((project) =>
        compact({
          project_id: project.id,
          name: project.name,
          type: project.template ?? 'custom',
          status: project.status,
          description: project.description,
          created_at: iso(project.createdAt),
        }),
      ),
      count: page.items.length,
      ...(page.nextCursor === null ? {} : { truncated: true, next: ['list kind=projects goes on with a cursor'] }),
    };
  },
});

export const getHealthStatusTool = defineTool({
  ...READS,
  name: 'get_health_status',
  title: 'Health status',
  description:
    'Check the health of each component now: store, who does work, sessions, projects, schedules. overall_status is healthy, degraded or unhealthy, with the issues found.',
  input: NONE,
  output: z.looseObject({ overall_status: z.string(), timestamp: z.string(), components: z.looseObject({}), issues: z.array(z.string()), next: Next }),
  async handle({ engine }) {
    const health = healthOf(engine);
    return {
      overall_status: health.overall,
      timestamp: iso(engine.now),
      components: Object.fromEntries(Object.entries(health.components).map(([name, { status, details }]) => [name, { status, details }])),
      issues: [...health.issues],
      ...(health.issues.length === 0 ? {} : { next: ['get_system_status says more; logistics-mcp doctor checks this machine'] }),
    };
  },
});

export const queueStatsTool = defineTool({
  ...READS,
  name: 'logistics_queue_stats',
  title: 'Queue statistics',
  description:
    'Statistics of the job queues together: how many jobs are queued, scheduled for later, running, completed and failed. list kind=queues shows each queue.',
  input: z.strictObject({ backend: z.string().min(1).max(50).optional().describe('Checked against the store that is open; default that one.') }),
  output: z.looseObject({
    status: z.string(),
    backend: z.string(),
    stats: z.looseObject({ queue_length: z.int(), scheduled_count: z.int(), total_jobs: z.int() }),
    next: Next,
  }),
  async handle({ engine }, { backend }) {
    const { kind } = engine.backend;
    if (backend !== undefined && backend !== kind)
      throw new LogisticsError('invalid_input', `This server's queue is on ${kind}, not ${backend}.`, {
        path: 'backend',
        expected: `${kind}, or nothing`,
        nextActions: ['Leave backend out.'],
      });
    const counts = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0 };
    for (const row of engine.backend.queueStats({ namespace: engine.namespace }))
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += row.counts[name];
    const scheduled = engine.backend.scheduledCount({ namespace: engine.namespace });
    return {
      status: 'success',
      backend: kind,
      stats: {
        queue_length: counts.pending + counts.retry - scheduled,
        scheduled_count: scheduled,
        total_jobs: Object.values(counts).reduce((sum, n) => sum + n, 0),
        ...counts,
      },
    };
  },
});

export const listScheduledTool = defineTool({
  ...READS,
  name: 'logistics_list_scheduled',
  title: 'List what is scheduled',
  description: 'List the names of schedules with their next planned time. list kind=schedules takes filters and pages.',
  input: NONE,
  output: z.looseObject({ status: z.string(), task_ids: z.array(z.string()), count: z.int(), next: Next }),
  async handle({ engine }) {
    const page = engine.schedules.list({}, SHOWN, null);
    return {
      status: 'success',
      task_ids: page.items.map((schedule) => schedule.name),
      count: page.items.length,
      details: page.items.map((schedule) => compact({ schedule_id: schedule.id, name: schedule.name, status: schedule.status, next_at: iso(schedule.nextAt) })),
      ...(page.nextCursor === null ? {} : { truncated: true, next: ['list kind=schedules goes on with a cursor'] }),
    };
  },
});

export const logisticsStatusTool = defineTool({
  ...READS,
  name: 'logistics_status',
  title: 'Status in short',
  description: 'The version of this server and its components with their health. get_system_status says everything.',
  input: NONE,
  output: z.looseObject({ status: z.string(), version: z.string(), components: z.array(z.string()), next: Next }),
  async handle({ engine }) {
    const { overall, components } = healthOf(engine);
    return { status: overall === 'unhealthy' ? 'error' : 'success', health: overall, version: engine.version, components: Object.keys(components) };
  },
});
