// Owns the verbs of projects, each with its receipt in the same commit.
import { LogisticsError } from '../../domain/errors.ts';
import { namesOf } from '../../domain/project.ts';
import type { Page } from '../port/common.ts';
import type { ProjectChangeResult, ProjectVerbs, StoredTemplate } from '../port/projects.ts';
import { projectCodes } from './codes.ts';
import type { Host } from './host.ts';
import { decodeCursor, encodeCursor } from './lists.ts';
import type { Parts } from './parts.ts';
import type { ProjectSql } from './projects.ts';
import { lookUp, remember } from './receipts.ts';
import type { ScheduleSql } from './schedule-sql.ts';

const MAX_SCHEDULES = 1_000;

export function projectVerbs(host: Host): ProjectVerbs {
  return {
    putProject: (p) =>
      host.write((parts): ProjectChangeResult => {
        const receipt = lookUp(parts.tx, p.receipt);
        if (receipt.kind === 'conflict') return receipt;
        const known = receipt.kind === 'replay' ? parts.projects.byId((receipt.reply as { id: string }).id) : undefined;
        if (known !== undefined) return changed(parts, known, true);
        const row = parts.projects.insert(p.project);
        if ('conflict' in row) return { kind: 'conflict', error: row.conflict };
        if (p.budget) parts.budgets.rows.put({ kind: 'project', num: row.num }, p.budget);
        if (receipt.kind === 'new') remember(parts.tx, p.receipt, { id: p.project.id });
        return changed(parts, row, false);
      }),

    getProject: (id) => {
      const row = host.parts.projects.byId(id);
      return row === undefined ? null : host.parts.projects.toProject(row);
    },

    findProject: (p) => {
      const { tx, projects } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      const row = ns === undefined ? undefined : projects.byName(ns, p.name);
      return row === undefined ? null : projects.toProject(row);
    },

    projectOfSession: (sessionId) => {
      const { tx, projects } = host.parts;
      const row = tx.sql('SELECT p.* FROM project_member m JOIN project p ON p.num = m.project WHERE m.session = ?').get(sessionId) as ProjectSql | undefined;
      return row === undefined ? null : projects.toProject(row);
    },

    listProjects: (p) => list(host.parts, p),

    changeProject: (p) =>
      host.write((parts): ProjectChangeResult => {
        const row = parts.projects.byId(p.id);
        if (row === undefined) return { kind: 'not_found' };
        const receipt = lookUp(parts.tx, p.receipt);
        if (receipt.kind === 'conflict') return receipt;
        if (receipt.kind === 'replay') return changed(parts, row, true);
        try {
          const after = parts.projects.change(row, p.change, p.cascade, p.by);
          remember(parts.tx, p.receipt, { id: p.id });
          return changed(parts, after, false);
        } catch (error) {
          // The change is refused before anything of it is written.
          if (error instanceof LogisticsError) return { kind: 'conflict', error: error.toData() };
          throw error;
        }
      }),

    deleteProject: (p) =>
      host.write((parts): ProjectChangeResult => {
        const row = parts.projects.byId(p.id);
        if (row === undefined) return { kind: 'not_found' };
        const receipt = lookUp(parts.tx, p.receipt);
        if (receipt.kind === 'conflict') return receipt;
        const project = parts.projects.toProject(row);
        const counts = parts.projects.counts(row);
        const { completed: _c, failed: _f, cancelled: _x, ...open } = counts.executions;
        const runs = Object.values(open).reduce((sum, n) => sum + n, 0);
        if (runs + counts.openJobs > 0)
          return {
            kind: 'conflict',
            error: new LogisticsError('conflict', `The project ${row.name} has ${runs} open runs and ${counts.openJobs} open jobs.`, {
              path: 'id',
              nextActions: ['Use manage_project with action cancel first, or wait for their end.'],
            }).toData(),
          };
        const [from, to] = namesOf(row.name);
        const { tx, scheduleChanges } = parts;
        for (const schedule of tx
          .sql('SELECT * FROM schedule WHERE ns = ? AND name >= ? AND name < ? AND deleted_at IS NULL')
          .all(row.ns, from, to) as ScheduleSql[])
          scheduleChanges.delete(schedule, p.decide);
        tx.sql('UPDATE definition SET deleted = 1 WHERE ns = ? AND name >= ? AND name < ? AND deleted = 0').run(row.ns, from, to);
        for (const table of ['project_held', 'project_archive', 'project_member'] as const) tx.sql(`DELETE FROM ${table} WHERE project = ?`).run(row.num);
        parts.budgets.rows.remove({ kind: 'project', num: row.num });
        tx.sql('DELETE FROM project WHERE num = ?').run(row.num);
        tx.log({ ns: row.ns }, { type: 'project_updated', data: { project_id: row.id, project: row.name, deleted: true } });
        remember(tx, p.receipt, { id: p.id });
        return { kind: 'changed', project, replayed: false };
      }),

    projectCounts: (id) => {
      const row = host.parts.projects.byId(id);
      return row === undefined ? null : host.parts.projects.counts(row);
    },

    projectSchedules: (id) => {
      const row = host.parts.projects.byId(id);
      if (row === undefined) return [];
      const [from, to] = namesOf(row.name);
      const rows = host.parts.tx
        .sql('SELECT id FROM schedule WHERE ns = ? AND name >= ? AND name < ? AND deleted_at IS NULL ORDER BY num LIMIT ?')
        .all(row.ns, from, to, MAX_SCHEDULES);
      return (rows as { id: string }[]).map((schedule) => schedule.id);
    },

    cascadeProjects: async (p) => {
      const { tx } = host.parts;
      const left = (table: 'project' | 'budget'): boolean => tx.sql(`SELECT 1 FROM ${table} WHERE cascade IS NOT NULL LIMIT 1`).get() !== undefined;
      if (!left('project') && !left('budget')) return { more: false };
      return { more: await host.write(({ cascades, budgets }) => cascades.goOn(p.limit, p.decide) || budgets.holds.goOn(p.limit)) };
    },

    putProjectArchive: (p) =>
      host.write(({ tx, projects }) => {
        const row = projects.byId(p.id);
        if (row === undefined) return false;
        tx.sql('INSERT OR REPLACE INTO project_archive (project, content, created_at) VALUES (?, ?, ?)').run(row.num, Buffer.from(p.content), tx.now);
        return true;
      }),

    getProjectArchive: (id) => {
      const row = host.parts.tx.sql('SELECT content FROM project_archive WHERE project = (SELECT num FROM project WHERE id = ?)').get(id) as
        | { content: Buffer }
        | undefined;
      return row?.content ?? null;
    },

    putTemplate: (p) =>
      host.write(({ tx }) => {
        const ns = tx.namespace(p.namespace);
        const known = tx.sql('SELECT 1 FROM project_template WHERE ns = ? AND name = ?').get(ns, p.template.name) !== undefined;
        tx.sql('INSERT OR REPLACE INTO project_template (ns, name, content, created_at) VALUES (?, ?, ?, ?)').run(
          ns,
          p.template.name,
          p.template.content,
          tx.now,
        );
        return { created: !known };
      }),

    listTemplates: (p) => {
      const { tx } = host.parts;
      return tx
        .sql('SELECT name, content, created_at AS createdAt FROM project_template WHERE ns = ? ORDER BY name')
        .all(tx.findNamespace(p.namespace) ?? -1) as StoredTemplate[];
    },

    deleteTemplate: (p) =>
      host.write(({ tx }) => tx.sql('DELETE FROM project_template WHERE ns = ? AND name = ?').run(tx.findNamespace(p.namespace) ?? -1, p.name).changes > 0),
  };
}

function changed({ projects }: Parts, row: ProjectSql, replayed: boolean): ProjectChangeResult {
  return { kind: 'changed', project: projects.toProject(row), replayed };
}

/** Newest first. */
function list({ tx, projects }: Parts, p: Parameters<ProjectVerbs['listProjects']>[0]): Page<ReturnType<typeof projects.toProject>> {
  const { namespace, status, text } = p.filter;
  const rows = tx
    .sql(
      `SELECT * FROM project WHERE num < @before AND (@ns IS NULL OR ns = @ns) AND (@status IS NULL OR status = @status) AND (@text IS NULL OR instr(lower(name), lower(@text)) > 0)
       ORDER BY num DESC LIMIT @limit`,
    )
    .all({
      before: p.cursor === null ? Number.MAX_SAFE_INTEGER : decodeCursor(p.cursor),
      ns: namespace === undefined ? null : (tx.findNamespace(namespace) ?? -1),
      status: status === undefined ? null : (projectCodes.find(status) ?? -1),
      text: text ?? null,
      limit: p.limit + 1,
    }) as ProjectSql[];
  const page = rows.slice(0, p.limit);
  return { items: page.map((row) => projects.toProject(row)), nextCursor: rows.length > p.limit ? encodeCursor((page.at(-1) as ProjectSql).num) : null };
}
