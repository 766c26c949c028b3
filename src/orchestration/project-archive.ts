// Owns the archive of a project: one file with all that is needed to make it again, checked whole before anything of it is made.
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';
import { type Json, JsonObject } from '../domain/json.ts';
import { Milestone, type Project, ProjectName, ProjectQuota } from '../domain/project.ts';
import type { Backend } from '../store/backend.ts';
import { ProjectContent } from './project-content.ts';

const FORMAT = 'logistics-mcp project';
/** Of finished runs the newest are told of, for people; they are not made again. */
const RUNS = 500;
const OUTPUT_CHARS = 16_384;
const MAX_UNPACKED = 256 * 1_048_576;

const Body = z.strictObject({
  archived_at: z.string(),
  name: ProjectName,
  template: z.string().nullable(),
  tags: z.array(z.string()),
  quota: ProjectQuota,
  milestones: z.array(Milestone),
  metrics: z.record(z.string(), z.number()),
  content: ProjectContent,
  runs: z.array(JsonObject),
});
export type ProjectArchive = z.infer<typeof Body>;

const File = z.strictObject({ format: z.literal(FORMAT), version: z.literal(1), sha256: z.string(), body: z.string() });

export function packProject(backend: Backend, project: Project, content: ProjectContent, now: number): Uint8Array {
  const { name, template, tags, quota, milestones, metrics } = project;
  const body = JSON.stringify({
    archived_at: new Date(now).toISOString(),
    name,
    template,
    tags,
    quota,
    milestones,
    metrics,
    content,
    runs: runsOf(backend, project),
  } satisfies ProjectArchive);
  return gzipSync(JSON.stringify({ format: FORMAT, version: 1, sha256: digest(body), body }));
}

/** Throws invalid_input for what is no archive, was changed, or was written by a later version. */
export function unpackProject(file: Uint8Array): ProjectArchive {
  const fail = (why: string, expected: string): never => {
    throw new LogisticsError('invalid_input', `The archive cannot be read: ${why}.`, { path: 'archive', expected });
  };
  let value: unknown;
  try {
    value = JSON.parse(gunzipSync(file, { maxOutputLength: MAX_UNPACKED }).toString('utf8'));
  } catch {
    return fail('it is no compressed JSON', 'the file that an archive gave');
  }
  const outer = File.safeParse(value);
  if (!outer.success) return fail('its format or version is not known here', `format "${FORMAT}", version 1`);
  if (digest(outer.data.body) !== outer.data.sha256) return fail('its content does not fit its digest', 'an unchanged file');
  const body = Body.safeParse(JSON.parse(outer.data.body));
  return body.success ? body.data : fail(`${body.error.issues[0]?.path.join('.')}: ${body.error.issues[0]?.message}`, 'an archive of this version');
}

function runsOf(backend: Backend, project: Project): JsonObject[] {
  const runs: JsonObject[] = [];
  let cursor: string | null = null;
  do {
    const page: ReturnType<Backend['listExecutions']> = backend.listExecutions({
      filter: { namespace: project.namespace, project: project.name },
      limit: 200,
      cursor,
    });
    for (const run of page.items) {
      if (run.endedAt === null || runs.length >= RUNS) continue;
      const output = backend.getOutput({ executionId: run.id, stepId: null }) ?? null;
      const text = JSON.stringify(output);
      runs.push({
        execution_id: run.id,
        workflow: run.workflow.slice(project.name.length + 1),
        version: run.version,
        status: run.status,
        started_at: run.startedAt === null ? null : new Date(run.startedAt).toISOString(),
        ended_at: new Date(run.endedAt).toISOString(),
        ...(text.length > OUTPUT_CHARS ? { output_chars: text.length } : { output: output as Json }),
        error: run.error as unknown as Json,
      });
    }
    cursor = page.nextCursor;
  } while (cursor !== null && runs.length < RUNS);
  return runs;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
