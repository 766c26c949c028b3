import { describe, expect, it } from 'vitest';
import {
  CronScheduler,
  JobStatus,
  OrchestrationEngine,
  OrchestrationSession,
  ProjectManager,
  RecurringScheduler,
  ScheduleManager,
  TaskOrchestrator,
  WorkflowManager,
} from '../../src/index.ts';
import { engineFor, HUMAN } from '../support/test-engine.ts';

describe('the library under the names of the specification', () => {
  it('gives the managers as classes that can be asked for', async () => {
    const engine = await engineFor();
    expect(engine).toBeInstanceOf(OrchestrationEngine);
    expect(engine.workflows).toBeInstanceOf(WorkflowManager);
    expect(engine.tasks).toBeInstanceOf(TaskOrchestrator);
    expect(engine.projects).toBeInstanceOf(ProjectManager);
    expect(engine.schedules).toBeInstanceOf(ScheduleManager);
    expect((await engine.createSession()).session).toBeInstanceOf(OrchestrationSession);
    expect(JobStatus.options).toEqual(['pending', 'running', 'completed', 'failed', 'cancelled', 'retry']);
    expect(engine.healthCheck()).toMatchObject({ overall: 'healthy', issues: [] });
  });

  it('lists schedules by name and cancels them by name or id', async () => {
    const { schedules } = await engineFor();
    const target = { task: 'echo' };
    const first = await schedules.scheduleCron('0 9 * * *', { name: 'morning', target, input: { value: 1 } }, HUMAN);
    await schedules.scheduleRecurring('15m', { name: 'often', target, input: { value: 1 } }, HUMAN);
    expect(schedules.listTasks()).toEqual(['often', 'morning']);
    expect([await schedules.cancel(first.id), await schedules.cancel(first.id), await schedules.cancel('nothing')]).toEqual([true, false, false]);
    expect(await schedules.cancel('often')).toBe(true);
    expect(schedules.listTasks()).toEqual([]);
  });

  it('computes the next times of a cron and of a recurring rule by themselves', () => {
    const noon = Date.parse('2026-12-01T12:00:00Z');
    const cron = new CronScheduler({ kind: 'cron', expression: '30 12 * * *', timezone: 'UTC', gap: 'next_valid', fold: 'first' });
    expect(cron.next(noon)).toBe(noon + 30 * 60_000);
    const recurring = new RecurringScheduler({ kind: 'recurring', unit: 'minute', n: 20, timezone: 'UTC', anchor: noon });
    expect([recurring.next(noon), recurring.next(noon + 1)]).toEqual([noon + 20 * 60_000, noon + 20 * 60_000]);
  });

  it('keeps a project with milestones and metrics', async () => {
    const { projects } = await engineFor();
    await projects.create({ name: 'site' }, HUMAN);
    await projects.addMilestone('site', { name: 'beta' }, HUMAN);
    await projects.updateMetrics('site', { users: 3 }, HUMAN);
    const { project } = await projects.move('site', 'completed', 'done', HUMAN);
    expect(project).toMatchObject({ status: 'completed', statusReason: 'done', milestones: [{ name: 'beta', completedAt: null }], metrics: { users: 3 } });
  });
});
