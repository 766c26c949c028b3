// Owns batches: references inside a batch become ids, each job follows what it depends on, a cycle is refused.
import { LogisticsError } from '../domain/errors.ts';
import type { NewJob } from '../domain/job.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { JobInput } from './job-input.ts';

export const MAX_BATCH = 10_000;

export interface Batch {
  /** Each job after those it depends on. */
  readonly ordered: readonly NewJob[];
  /** Ids in the order of the inputs. */
  readonly ids: readonly string[];
}

/** Makes the jobs of a batch; `make` turns one input (without its ref) into a job. */
export function jobsInOrder(inputs: readonly (JobInput & { readonly ref?: string | undefined })[], make: (input: JobInput, at: number) => NewJob): Batch {
  if (!Array.isArray(inputs)) throw new LogisticsError('invalid_input', 'The jobs are no list.', { path: 'jobs', expected: 'a list of jobs' });
  if (inputs.length === 0 || inputs.length > MAX_BATCH)
    throw new LogisticsError('invalid_input', `A batch of ${inputs.length} jobs.`, { path: 'jobs', expected: `1 to ${MAX_BATCH} jobs` });
  const byRef = new Map<string, number>();
  const jobs = inputs.map((given, at) => {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new LogisticsError('invalid_input', 'A job is an object.', { path: `jobs[${at}]`, expected: '{task, payload, …}' });
    const { ref, ...input } = given;
    if (ref !== undefined && (typeof ref !== 'string' || ref === '' || ref.length > 200))
      throw new LogisticsError('invalid_input', 'The ref is no usable text.', { path: `jobs[${at}].ref`, expected: '1 to 200 characters' });
    if (ref !== undefined && byRef.has(ref))
      throw new LogisticsError('invalid_input', `Two jobs have the ref "${ref}".`, { path: `jobs[${at}].ref`, expected: 'a ref of its own' });
    if (ref !== undefined) byRef.set(ref, at);
    return make(input, at);
  });
  const needs = jobs.map((job, at) => job.dependsOn.map((name) => needOf(name, at, byRef)));
  const resolved = jobs.map((job, at) => ({
    ...job,
    dependsOn: (needs[at] as (number | string)[]).map((need) => (typeof need === 'number' ? (jobs[need] as NewJob).id : need)),
  }));
  const ordered = order(needs.map((list) => list.filter((need): need is number => typeof need === 'number'))).map((at) => resolved[at] as NewJob);
  return { ordered, ids: jobs.map((job) => job.id) };
}

function needOf(name: string, at: number, byRef: ReadonlyMap<string, number>): number | string {
  const own = byRef.get(name);
  if (own !== undefined) return own;
  if (/^job_[0-9a-z]{26}$/.test(name)) return name;
  throw new LogisticsError('invalid_input', `depends_on names "${name}", which is neither a job id nor a ref of this batch.`, {
    path: `jobs[${at}].depends_on`,
    expected: 'job ids, or refs of this batch',
    nearMatches: nearMatches(name, byRef.keys()),
  });
}

function order(needs: readonly (readonly number[])[]): number[] {
  const open = needs.map((list) => new Set(list).size);
  const outs = needs.map((): number[] => []);
  for (const [at, list] of needs.entries()) for (const need of new Set(list)) outs[need]?.push(at);
  const done = open.flatMap((count, at) => (count === 0 ? [at] : []));
  for (let i = 0; i < done.length; i++) {
    for (const out of outs[done[i] as number] as number[]) if (--(open[out] as number) === 0) done.push(out);
  }
  if (done.length < needs.length)
    throw new LogisticsError('invalid_input', 'The jobs of this batch depend on each other in a circle.', {
      path: 'jobs',
      expected: 'depends_on without a cycle',
    });
  return done;
}
