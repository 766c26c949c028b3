// Owns the way to an exact answer: only for small plans, in a thread that is ended when its time is up, and with the solver only where it is installed.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { LogisticsError } from '../domain/errors.ts';
import { exactModel } from './exact-model.ts';
import type { WorkPlan } from './make-plan.ts';

/** Items of all steps; with more the proof takes minutes. */
export const MAX_EXACT_ITEMS = 16;
const DEFAULT_LIMIT_MS = 10_000;
/** For the start of the thread, beside the limit of the solver itself. */
const GRACE_MS = 5_000;

export interface ExactAnswer {
  /** The least makespan; where it is not proven, the best that is known. */
  readonly makespanMs: number;
  readonly proven: boolean;
  /** The plan's makespan divided by it. */
  readonly ratio: number;
}

export interface SolverRequest {
  readonly model: string;
  readonly limitSeconds: number;
}

export type SolverReply = { readonly status: string; readonly objective: number | null } | { readonly missing: true } | { readonly error: string };

/** Throws not_available without the package highs, limit_exceeded for a plan that is too large. */
export async function exactAnswer(plan: WorkPlan, limitMs: number = DEFAULT_LIMIT_MS): Promise<ExactAnswer> {
  const { tasks, capacity, schedule } = plan;
  const items = tasks.reduce((sum, task) => sum + task.count, 0);
  if (items > MAX_EXACT_ITEMS)
    throw new LogisticsError('limit_exceeded', `An exact answer is for small plans; this one has ${items} items.`, {
      path: 'exact',
      expected: `at most ${MAX_EXACT_ITEMS} items of all steps together`,
      nextActions: ['Leave exact out: lower_bound_ms says how far the plan can be from the best.'],
    });
  if (plan.goal.objective !== 'makespan')
    throw new LogisticsError('not_available', `An exact answer is only for the objective makespan, not for ${plan.goal.objective}.`, {
      path: 'exact',
      expected: 'objective makespan',
    });
  const upper = schedule.makespanMs;
  const lower = plan.bounds[0]?.ms ?? 0;
  // What meets its lower bound needs no proof, and a plan of nothing no solver.
  if (upper <= lower * (1 + 1e-9)) return { makespanMs: upper, proven: true, ratio: 1 };
  const reply = await solve({ model: exactModel(tasks, capacity, upper), limitSeconds: limitMs / 1_000 }, limitMs + GRACE_MS);
  if ('missing' in reply)
    throw new LogisticsError('not_available', 'The exact answer needs the package highs, which is not installed.', {
      path: 'exact',
      nextActions: ['Run: npm install highs', 'Or leave exact out.'],
    });
  if ('error' in reply) throw new LogisticsError('internal', `The solver failed: ${reply.error}`, { path: 'exact' });
  const proven = reply.status === 'Optimal';
  const makespanMs = Math.max(lower, Math.min(upper, reply.objective === null ? upper : reply.objective * upper));
  return { makespanMs, proven, ratio: upper / makespanMs };
}

/** A reply, or the status of a time that is up. */
function solve(request: SolverRequest, endMs: number): Promise<SolverReply> {
  return new Promise((resolve) => {
    const worker = new Worker(entry(), { workerData: request, execArgv: [], env: {} });
    const timer = setTimeout(() => end({ status: 'Time limit reached', objective: null }), endMs);
    const end = (reply: SolverReply): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(reply);
    };
    worker.on('message', (reply: SolverReply) => end(reply));
    worker.on('error', (error) => end({ error: error.message }));
    worker.on('exit', (code) => end({ error: `its thread ended with ${code}` }));
  });
}

/** Beside this file when run from source, beside or above the bundle when built. */
function entry(): URL {
  const candidates = ['./exact-worker.ts', './exact-worker.js', '../exact-worker.js'].map((name) => new URL(name, import.meta.url));
  const found = candidates.find((url) => existsSync(fileURLToPath(url)));
  if (found) return found;
  throw new LogisticsError('internal', 'The file exact-worker.js is missing from the installation.');
}
