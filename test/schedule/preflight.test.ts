// The check of a target before each fire, through an engine: what can never run has failed with the reason, what waits for somebody fires and says so.
import { describe, expect, it } from 'vitest';
import type { Occurrence } from '../../src/domain/schedule.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { explainSchedule } from '../../tools/views/schedule-explain.ts';
import { engineFor, tempFolder } from '../support/test-engine.ts';

const ME = { principal: 'me', sessionId: null };
const MINUTE = 60_000;

describe('before each fire', () => {
  async function twice(
    steps: readonly object[],
  ): Promise<{ engine: OrchestrationEngine; id: string; last: () => Occurrence | undefined; pass: () => Promise<void> }> {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const engine = await engineFor({}, { now: () => now, role: 'client' });
    await engine.workflows.create({ name: 'flow', steps } as never);
    const { schedule } = await engine.schedules.create({ name: 'often', rule: { kind: 'cron', expression: '* * * * *' }, target: { workflow: 'flow' } }, ME);
    const pass = async (): Promise<void> => {
      now += MINUTE;
      await engine.tick();
    };
    return { engine, id: schedule.id, pass, last: () => engine.schedules.ledger(schedule.id, { limit: 1, cursor: null }).items[0] };
  }

  it('fails for a secret that is not there', async () => {
    const { engine, id, pass, last } = await twice([{ id: 'call', task: 'echo', with: { value: '${{ secrets.TOKEN }}' } }]);
    await pass();
    expect(last()).toMatchObject({ status: 'failed', runId: null, error: { code: 'unresolved_reference', path: 'steps.call.with' } });
    expect(explainSchedule(engine, engine.schedules.require(id)).reasons).toMatchObject([{}, { code: 'failed' }]);
  });

  it('fires what waits for a capability that nobody offers, and says so', async () => {
    const { engine, id, pass, last } = await twice([{ id: 'far', task: 'echo', with: { value: 1 }, requires: ['gpu'] }]);
    await pass();
    expect(last()).toMatchObject({ status: 'fired', reason: 'When it fired, no process or worker agent offered gpu; it waits for one.' });
    expect(JSON.stringify(explainSchedule(engine, engine.schedules.require(id)).reasons)).toContain('no process or worker agent offered gpu');
  });

  it('fails for a task type that no process knows any more', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const dataDir = tempFolder();
    const task = { type: 'mine', run: () => 1 };
    const first = await engineFor({ dataDir }, { now: () => now, role: 'client', tasks: [task as never] });
    const { schedule } = await first.schedules.create(
      { name: 'mine', rule: { kind: 'cron', expression: '* * * * *' }, target: { task: 'mine' }, overlap: 'allow' },
      ME,
    );
    const second = await engineFor({ dataDir }, { now: () => now, role: 'client' });
    const last = (): Occurrence | undefined => second.schedules.ledger(schedule.id, { limit: 1, cursor: null }).items[0];
    await first.stop();
    now += MINUTE;
    await second.tick();
    expect(last()).toMatchObject({ status: 'failed', error: { code: 'unknown_task_type' } });
  });
});
