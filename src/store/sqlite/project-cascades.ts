// Owns what a pause, resume or cancel of a project does to all that it holds: piece by piece, each piece in one commit with where it
// stands, so that whoever is left goes on after a crash.
import { namesOf, type Project } from '../../domain/project.ts';
import type { Decide, ExecutionEvent } from '../../domain/transition.ts';
import { SCHEDULE } from './codes.ts';
import type { Executions } from './executions.ts';
import type { JobSql } from './job-rows.ts';
import type { Jobs } from './jobs.ts';
import { type CascadeState, cascadeOf, type ProjectSql, type Projects, RUNS_OF } from './projects.ts';
import type { ScheduleChanges } from './schedule-changes.ts';
import type { ScheduleSql } from './schedule-sql.ts';
import type { Schedules } from './schedules.ts';
import type { Tx } from './tx.ts';

/** What a pause holds, so that a resume lets go that and nothing else. */
const HELD = { run: 0, schedule: 1, queue: 2 } as const;

export interface CascadeParts {
  readonly projects: Projects;
  readonly executions: Executions;
  readonly jobs: Jobs;
  readonly schedules: Schedules;
  readonly scheduleChanges: ScheduleChanges;
}

export class ProjectCascades {
  readonly #tx: Tx;
  readonly #p: CascadeParts;

  constructor(tx: Tx, parts: CascadeParts) {
    this.#tx = tx;
    this.#p = parts;
  }

  /** At most about `limit` runs, jobs and schedules; true while a cascade is left. */
  goOn(limit: number, decide: Decide): boolean {
    const row = this.#tx.sql('SELECT * FROM project WHERE cascade IS NOT NULL ORDER BY num LIMIT 1').get() as ProjectSql | undefined;
    const state = row === undefined ? null : cascadeOf(row);
    if (row === undefined || state === null) return false;
    const next = state.action === 'resume' ? this.#resume(row, limit, decide, state) : this.#through(row, limit, decide, state);
    this.#tx.sql('UPDATE project SET cascade = ? WHERE num = ?').run(next === null ? null : JSON.stringify(next), row.num);
    if (next === null) this.#p.projects.admit(row.num);
    return true;
  }

  /** Through all runs by name, again from the first until a round changed nothing: children may have begun behind the place where it stands. */
  #through(row: ProjectSql, limit: number, decide: Decide, state: CascadeState): CascadeState | null {
    const tx = this.#tx;
    const [from, to] = namesOf(row.name);
    if (state.workflow === '') {
      this.#schedulesAndQueues(row, state);
      if (state.action === 'cancel' && this.#cancelJobs(row, limit, decide)) return { ...state, changed: true };
    }
    this.#p.executions.rows.flush();
    const runs = tx
      .sql(
        `SELECT num, workflow, paused, stopping, parent FROM execution INDEXED BY execution_project WHERE ${RUNS_OF} AND (workflow, num) > (@workflow, @num) AND ended_at IS NULL
         ORDER BY workflow, num LIMIT @limit`,
      )
      .all({ ns: row.ns, from, to, workflow: state.workflow, num: state.num, limit }) as {
      num: number;
      workflow: string;
      paused: number;
      stopping: string | null;
      parent: number | null;
    }[];
    let changed = state.changed;
    for (const run of runs) {
      if (run.stopping !== null || (state.action === 'pause' ? run.paused === 1 : run.parent !== null)) continue;
      if (this.#send(run.num, state.action === 'pause' ? { type: 'pause', by: state.by } : CANCEL(row.name, state.by), decide)) {
        changed = true;
        if (state.action === 'pause') this.#hold(row.num, HELD.run, run.num);
      }
    }
    const last = runs.at(-1);
    if (last !== undefined && runs.length === limit) return { ...state, workflow: last.workflow, num: last.num, changed };
    return changed ? { ...state, workflow: '', num: 0, changed: false } : null;
  }

  #send(num: number, event: ExecutionEvent, decide: Decide): boolean {
    const record = this.#p.executions.rows.load(num);
    return record !== undefined && this.#p.executions.update(record, [event], decide)?.kind === 'applied';
  }

  #hold(project: number, kind: number, num: number): void {
    this.#tx.sql('INSERT OR IGNORE INTO project_held (project, kind, num) VALUES (?, ?, ?)').run(project, kind, num);
  }

  #schedulesAndQueues(row: ProjectSql, state: CascadeState): void {
    const tx = this.#tx;
    const [from, to] = namesOf(row.name);
    const schedules = tx
      .sql('SELECT * FROM schedule WHERE ns = ? AND name >= ? AND name < ? AND deleted_at IS NULL AND status = ?')
      .all(row.ns, from, to, SCHEDULE.active) as ScheduleSql[];
    for (const schedule of schedules) {
      this.#p.scheduleChanges.pause(schedule, `The project ${row.name} is ${this.#statusOf(row)}.`);
      this.#hold(row.num, HELD.schedule, schedule.num);
    }
    if (state.action !== 'pause') return;
    for (const { num } of tx.sql('SELECT num FROM queue WHERE ns = ? AND name >= ? AND name < ? AND paused = 0').all(row.ns, from, to) as { num: number }[]) {
      tx.sql('UPDATE queue SET paused = 1 WHERE num = ?').run(num);
      tx.lanesVersion++;
      this.#hold(row.num, HELD.queue, num);
    }
  }

  #statusOf(row: ProjectSql): Project['status'] {
    return this.#p.projects.toProject(row).status;
  }

  #cancelJobs(row: ProjectSql, limit: number, decide: Decide): boolean {
    const [from, to] = namesOf(row.name);
    const jobs = this.#tx
      .sql(
        `SELECT * FROM job WHERE queue IN (SELECT num FROM queue WHERE ns = ? AND name >= ? AND name < ?) AND execution IS NULL AND status IN (0, 1, 5) AND cancel_requested = 0 ORDER BY num LIMIT ?`,
      )
      .all(row.ns, from, to, limit) as JobSql[];
    for (const job of jobs) this.#p.jobs.cancel({ jobId: job.id, reason: `The project ${row.name} was cancelled.`, decide });
    return jobs.length > 0;
  }

  #resume(row: ProjectSql, limit: number, decide: Decide, state: CascadeState): CascadeState | null {
    const tx = this.#tx;
    const held = tx.sql('SELECT kind, num FROM project_held WHERE project = ? ORDER BY kind DESC, num LIMIT ?').all(row.num, limit) as {
      kind: number;
      num: number;
    }[];
    for (const { kind, num } of held) {
      if (kind === HELD.run) this.#send(num, { type: 'resume', by: state.by }, decide);
      else if (kind === HELD.schedule) this.#resumeSchedule(num);
      else if (tx.sql('UPDATE queue SET paused = 0 WHERE num = ? AND paused = 1').run(num).changes > 0) {
        tx.lanesVersion++;
        tx.notice.jobsReady = true;
      }
      tx.sql('DELETE FROM project_held WHERE project = ? AND kind = ? AND num = ?').run(row.num, kind, num);
    }
    return held.length === limit ? state : null;
  }

  #resumeSchedule(num: number): void {
    const schedule = this.#p.schedules.rows.byNum(num);
    if (schedule !== undefined && schedule.deleted_at === null) this.#p.scheduleChanges.resume(schedule);
  }
}

const CANCEL = (project: string, by: string): ExecutionEvent => ({ type: 'cancel', reason: `The project ${project} was cancelled.`, code: 'cancelled', by });
