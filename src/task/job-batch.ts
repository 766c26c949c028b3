// Owns batches: references inside a batch become ids, each job follows what it depends on, a cycle is refused.
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import type { NewJob } from '../domain/job.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { JobInput } from './job-input.ts';

export const MAX_BATCH = 10_000;

export interface Batch {
  /** Each job after those it depends on. */
  readonly ordered: readonly NewJob[];
  /** Ids in the order of the inputs. */
  readonly ids: readonly string[];
  /** For each of `ordered`, which input it was; null = the same order. */
  readonly places: readonly number[] | null;
}

// Checking a job takes up to 50 µs: after this many the event loop gets its turn.
const AT_ONCE = 200;

/** Makes the jobs of a batch; `make` turns one input (without its ref) into a job. */
export async function jobsInOrder(
  inputs: readonly (JobInput & { readonly ref?: string | undefined })[],
  make: (input: JobInput, at: number) => NewJob,
): Promise<Batch> {
  if (!Array.isArray(inputs)) throw new LogisticsError('invalid_input', 'The jobs are no list.', { path: 'jobs', expected: 'a list of jobs' });
  if (inputs.length === 0 || inputs.length > MAX_BATCH)
    throw new LogisticsError('invalid_input', `A batch of ${inputs.length} jobs.`, { path: 'jobs', expected: `1 to ${MAX_BATCH} jobs` });
  const byRef = new Map<string, number>();
  const jobs: NewJob[] = [];
  for (const [at, given] of inputs.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new LogisticsError('invalid_input', 'A job is an object.', { path: `jobs[${at}]`, expected: '{task, payload, …}' });
    const { ref, ...input } = given;
    if (ref !== undefined && (typeof ref !== 'string' || ref === '' || ref.length > 200))
      throw new LogisticsError('invalid_input', 'The ref is no usable text.', { path: `jobs[${at}].ref`, expected: '1 to 200 characters' });
    if (ref !== undefined && byRef.has(ref))
      throw new LogisticsError('invalid_input', `Two jobs have the ref "${ref}".`, { path: `jobs[${at}].ref`, expected: 'a ref of its own' });
    if (ref !== undefined) byRef.set(ref, at);
    jobs.push(make(input, at));
  }
  if (byRef.size === 0) {
    for (const [at, job] of jobs.entries()) for (const name of job.dependsOn) needOf(name, at, byRef);
    return { ordered: jobs, ids: jobs.map((job) => job.id), places: null };
  }
  const needs = jobs.map((job, at) => job.dependsOn.map((name) => needOf(name, at, byRef)));
  const own = needs.map((list) => list.filter((need): need is number => typeof need === 'number'));
  const places = order(
    own,
    inputs.map(({ ref }, at) => ref ?? `jobs[${at}]`),
  );
  // Ids grow in the order in which the jobs are stored, so the first and the last name the batch.
  const ids = new Array<string>(jobs.length);
  for (const [i, place] of places.entries()) ids[place] = (jobs[i] as NewJob).id;
  const resolved = jobs.map((job, at) => ({
    ...job,
    id: ids[at] as string,
    dependsOn: (needs[at] as (number | string)[]).map((need) => (typeof need === 'number' ? (ids[need] as string) : need)),
  }));
  return { ordered: places.map((at) => resolved[at] as NewJob), ids, places };
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

function order(needs: readonly (readonly number[])[], names: readonly string[]): number[] {
  const open = needs.map((list) => new Set(list).size);
  const outs = needs.map((): number[] => []);
  for (const [at, list] of needs.entries()) for (const need of new Set(list)) outs[need]?.push(at);
  const done = open.flatMap((count, at) => (count === 0 ? [at] : []));
  for (let i = 0; i < done.length; i++) {
    for (const out of outs[done[i] as number] as number[]) if (--(open[out] as number) === 0) done.push(out);
  }
  if (done.length < needs.length)
    throw new LogisticsError('invalid_input', `The jobs of this batch depend on each other in a circle: ${circle(needs, names, done)}.`, {
      path: 'jobs',
      expected: 'depends_on without a cycle',
    });
  return done;
}

// A longer circle is shown in part.
const SHOWN = 20;

/** One true circle among those that could not be put in order. */
function circle(needs: readonly (readonly number[])[], names: readonly string[], done: readonly number[]): string {
  const ended = new Set(done);
  const seen: number[] = [];
  let at = needs.findIndex((_, i) => !ended.has(i));
  for (const met = new Set<number>(); !met.has(at); at = (needs[at] ?? []).find((need) => !ended.has(need)) ?? at) {
    met.add(at);
    seen.push(at);
  }
  const round = [...seen.slice(seen.indexOf(at)), at].map((i) => names[i] as string);
  return round.length <= SHOWN ? round.join(' -> ') : `${round.slice(0, SHOWN).join(' -> ')} -> … (${round.length - 1} jobs)`;
}

/** What was stored for each input, in the order of the inputs. */
export function inOrderOfInputs<T>(batch: Pick<Batch, 'places'>, stored: readonly T[]): readonly T[] {
  if (batch.places === null) return stored;
  const out = new Array<T>(stored.length);
  for (const [i, place] of batch.places.entries()) out[place] = stored[i] as T;
  return out;
}

/** The error of a batch that the store refused, with the place of the job it is about. */
export function refusedBatch(batch: Batch, refused: { readonly error: ErrorData; readonly jobId?: string | undefined }): ErrorData {
  const { error, jobId } = refused;
  const at = jobId === undefined ? -1 : batch.ids.indexOf(jobId);
  return at < 0 || batch.ids.length === 1 ? error : { ...error, path: error.path === undefined ? `jobs[${at}]` : `jobs[${at}].${error.path}` };
}
