// Owns the contract of projects: names, quotas and states that act on runs and jobs, cascades that go on in pieces, and what a delete leaves.
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Project } from '../../src/domain/project.ts';
import { type Bench, benches, type Capabilities, type MakeBackend, receipt } from './harness.ts';

function project(bench: Bench, more: Partial<Project> = {}): Project {
  return {
    id: bench.env.newId('project'),
    namespace: 'default',
    name: 'alpha',
    description: null,
    template: null,
    tags: [],
    owner: 'test',
    status: 'active',
    statusReason: null,
    quota: { runs: null, jobs: null },
    plan: null,
    milestones: [],
    metrics: {},
    members: [],
    revision: 1,
    createdAt: bench.now,
    updatedAt: bench.now,
    ...more,
  };
}

async function made(bench: Bench, more: Partial<Project> = {}): Promise<Project> {
  const result = await bench.backend.putProject({ project: project(bench, more) });
  if (result.kind !== 'changed') throw new Error(JSON.stringify(result));
  return result.project;
}

async function change(bench: Bench, id: string, fields: Partial<Project>, cascade?: 'pause' | 'resume' | 'cancel'): Promise<Project> {
  const result = await bench.backend.changeProject({ id, change: (before) => ({ ...before, ...fields }), cascade, by: 'test' });
  if (result.kind !== 'changed') throw new Error(JSON.stringify(result));
  return result.project;
}

async function cascade(bench: Bench, limit = 200): Promise<number> {
  let rounds = 0;
  while ((await bench.backend.cascadeProjects({ decide: bench.decide, limit })).more) rounds++;
  return rounds;
}

const STEPS = [{ id: 'a', task: 'x' }];

export function projectsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('projects', () => {
    it('have one name per namespace, a revision per change, and answer a repeated call once', async () => {
      const bench = await fresh();
      const first = await bench.backend.putProject({ project: project(bench), receipt: receipt('k') });
      const again = await bench.backend.putProject({ project: project(bench), receipt: receipt('k') });
      expect(first).toMatchObject({ kind: 'changed', replayed: false });
      expect(again).toMatchObject({ kind: 'changed', replayed: true, project: { id: first.kind === 'changed' ? first.project.id : '' } });
      expect(await bench.backend.putProject({ project: project(bench) })).toMatchObject({ kind: 'conflict', error: { code: 'conflict', path: 'name' } });
      expect(await bench.backend.putProject({ project: project(bench, { namespace: 'other' }) })).toMatchObject({ kind: 'changed' });
      const { id } = first.kind === 'changed' ? first.project : project(bench);
      bench.now += 5;
      expect(await change(bench, id, { tags: ['x'] })).toMatchObject({ revision: 2, tags: ['x'], updatedAt: bench.now });
      const refused = await bench.backend.changeProject({
        id,
        by: 'test',
        change: () => {
          throw new LogisticsError('invalid_transition', 'no');
        },
      });
      expect(refused).toMatchObject({ kind: 'conflict', error: { code: 'invalid_transition' } });
      expect(bench.backend.getProject(id)?.revision).toBe(2);
      expect(bench.backend.findProject({ namespace: 'default', name: 'alpha' })?.id).toBe(id);
      expect(bench.backend.listProjects({ filter: { namespace: 'default', status: 'active' }, limit: 5, cursor: null }).items.map((item) => item.id)).toEqual([
        id,
      ]);
    });

    it('bound the runs that are started, not their children, and let the next one go', async () => {
      const bench = await fresh();
      const alpha = await made(bench, { quota: { runs: 1, jobs: null } });
      const child = await bench.define({ name: 'alpha.child', steps: STEPS });
      const flow = await bench.define({ name: 'alpha.flow', steps: [{ id: 'run', task: 'workflow.run', with: { workflow: 'child' } }] });
      const free = await bench.define({ name: 'free', steps: STEPS });
      const [one, two, three] = [await bench.start(flow), await bench.start(child), await bench.start(free)];
      await bench.drain();
      expect([bench.status(one), bench.status(two), bench.status(three)]).toEqual(['waiting', 'pending', 'running']);
      expect(bench.backend.getExecution(two)?.gate).toMatch(/^P:/);
      expect(bench.backend.gateHolders({ gate: bench.backend.getExecution(two)?.gate as string, limit: 5 })).toEqual({ limit: 1, used: 1, holders: [one] });
      await bench.work();
      expect([bench.status(one), bench.status(two), bench.status(three)]).toEqual(['completed', 'completed', 'completed']);
      expect(bench.backend.projectCounts(alpha.id)).toMatchObject({ workflows: 2, executions: { completed: 3, running: 0 }, openJobs: 0 });
    });

    it('take a larger quota at once, and no work unless they are active', async () => {
      const bench = await fresh();
      const alpha = await made(bench, { quota: { runs: 1, jobs: 2 } });
      const flow = await bench.define({ name: 'alpha.flow', steps: STEPS });
      const runs = [await bench.start(flow), await bench.start(flow), await bench.start(flow)];
      await change(bench, alpha.id, { quota: { runs: 2, jobs: 2 } });
      await bench.drain();
      expect(runs.map((id) => bench.status(id))).toEqual(['running', 'running', 'pending']);
      await bench.enqueue({ queue: 'alpha.default' });
      await expect(bench.backend.enqueueJobs({ jobs: [bench.job({ queue: 'alpha.mail' }), bench.job({ queue: 'alpha.mail' })] })).resolves.toMatchObject({
        kind: 'conflict',
        error: { code: 'limit_exceeded', path: 'queue' },
      });
      await bench.enqueue({ queue: 'alpha.mail' });
      await bench.enqueue({ queue: 'beta.mail' });
      await change(bench, alpha.id, { status: 'completed' });
      await expect(bench.start(flow)).rejects.toThrow(/invalid_transition/);
      await expect(bench.enqueue({ queue: 'alpha.mail' })).rejects.toThrow(/invalid_transition/);
      expect(bench.status(runs[2] as string)).toBe('pending');
    });

    it.each([[200], [1]])('pause all they hold and resume just that, %i at a time', async (limit) => {
      const bench = await fresh();
      const alpha = await made(bench);
      const flow = await bench.define({ name: 'alpha.flow', steps: [...STEPS, { id: 'b', needs: ['a'], task: 'x' }] });
      const other = await bench.define({ name: 'beta.flow', steps: STEPS });
      const runs = [await bench.start(flow), await bench.start(flow), await bench.start(flow)];
      const untouched = await bench.start(other);
      await bench.send(runs[0] as string, { type: 'pause', by: 'somebody' });
      const job = await bench.enqueue({ queue: 'alpha.mail' });
      await change(bench, alpha.id, { status: 'paused' }, 'pause');
      await cascade(bench, limit);
      expect(runs.map((id) => bench.status(id))).toEqual(['paused', 'paused', 'paused']);
      expect(bench.status(untouched)).toBe('running');
      const late = await bench.start(flow);
      expect(bench.status(late)).toBe('pending');
      expect(await bench.work()).toEqual(['a']);
      expect(bench.status(job)).toBe('pending');
      await change(bench, alpha.id, { status: 'active' }, 'resume');
      await cascade(bench, limit);
      await bench.work();
      // What somebody paused by itself stays so.
      expect(runs.map((id) => bench.status(id))).toEqual(['paused', 'completed', 'completed']);
      expect([bench.status(late), bench.status(job)]).toEqual(['completed', 'completed']);
    });

    it('cancel all that is open, piece by piece', async () => {
      const bench = await fresh();
      const alpha = await made(bench);
      const flow = await bench.define({ name: 'alpha.flow', steps: STEPS });
      const runs = await Promise.all(Array.from({ length: 7 }, () => bench.start(flow)));
      const jobs = [await bench.enqueue({ queue: 'alpha.mail' }), await bench.enqueue({ queue: 'alpha.mail' }), await bench.enqueue({ queue: 'alpha.post' })];
      await change(bench, alpha.id, { status: 'paused' }, 'cancel');
      expect(bench.backend.projectCounts(alpha.id)?.cascade).toBe('cancel');
      expect(await cascade(bench, 2)).toBeGreaterThan(3);
      await bench.drain();
      expect([...runs, ...jobs].map((id) => bench.status(id))).toEqual(Array.from({ length: 10 }, () => 'cancelled'));
      expect(bench.backend.projectCounts(alpha.id)?.cascade).toBeNull();
    });

    it('are deleted with their workflows, not while something of them is open', async () => {
      const bench = await fresh();
      const alpha = await made(bench);
      const flow = await bench.define({ name: 'alpha.flow', steps: STEPS });
      const run = await bench.start(flow);
      expect(await bench.backend.deleteProject({ id: alpha.id, decide: bench.decide })).toMatchObject({ kind: 'conflict', error: { code: 'conflict' } });
      await bench.work();
      expect(await bench.backend.deleteProject({ id: alpha.id, decide: bench.decide })).toMatchObject({ kind: 'changed' });
      expect(bench.backend.getProject(alpha.id)).toBeNull();
      expect(bench.backend.findDefinition({ namespace: 'default', name: 'alpha.flow' })).toBeNull();
      expect(bench.status(run)).toBe('completed');
      expect(await bench.backend.deleteProject({ id: alpha.id, decide: bench.decide })).toEqual({ kind: 'not_found' });
    });

    it('have sessions as members, each in one project only', async () => {
      const bench = await fresh();
      const [alpha, beta] = [await made(bench), await made(bench, { name: 'beta' })];
      const session = await bench.putSession();
      await change(bench, alpha.id, { members: [session] });
      expect(bench.backend.projectOfSession(session)?.name).toBe('alpha');
      const second = await bench.backend.changeProject({ id: beta.id, change: (before) => ({ ...before, members: [session] }), by: 'test' });
      expect(second).toMatchObject({ kind: 'conflict', error: { code: 'conflict', path: 'session_id' } });
      await change(bench, alpha.id, { members: [] });
      expect(bench.backend.projectOfSession(session)).toBeNull();
      await change(bench, beta.id, { members: [session] });
      expect(bench.backend.projectOfSession(session)?.name).toBe('beta');
    });

    it('keep an archive, and templates by name', async () => {
      const bench = await fresh();
      const alpha = await made(bench);
      expect(bench.backend.getProjectArchive(alpha.id)).toBeNull();
      await bench.backend.putProjectArchive({ id: alpha.id, content: new Uint8Array([1, 2, 3]) });
      expect([...(bench.backend.getProjectArchive(alpha.id) as Uint8Array)]).toEqual([1, 2, 3]);
      expect(await bench.backend.putProjectArchive({ id: 'proj_none', content: new Uint8Array() })).toBe(false);
      expect(await bench.backend.putTemplate({ namespace: 'default', template: { name: 't', content: '{}' } })).toEqual({ created: true });
      expect(await bench.backend.putTemplate({ namespace: 'default', template: { name: 't', content: '{"a":1}' } })).toEqual({ created: false });
      expect(bench.backend.listTemplates({ namespace: 'default' })).toEqual([{ name: 't', content: '{"a":1}', createdAt: bench.now }]);
      expect(bench.backend.listTemplates({ namespace: 'other' })).toEqual([]);
      expect([
        await bench.backend.deleteTemplate({ namespace: 'other', name: 't' }),
        await bench.backend.deleteTemplate({ namespace: 'default', name: 't' }),
      ]).toEqual([false, true]);
    });

    it.runIf(capabilities.shared)('go on with a cascade in another process', async () => {
      const bench = await fresh();
      const alpha = await made(bench);
      const flow = await bench.define({ name: 'alpha.flow', steps: STEPS });
      const runs = await Promise.all(Array.from({ length: 5 }, () => bench.start(flow)));
      await change(bench, alpha.id, { status: 'paused' }, 'pause');
      await bench.backend.cascadeProjects({ decide: bench.decide, limit: 2 });
      await bench.reopen();
      await cascade(bench, 2);
      expect(runs.map((id) => bench.status(id))).toEqual(Array.from({ length: 5 }, () => 'paused'));
    });
  });
}
