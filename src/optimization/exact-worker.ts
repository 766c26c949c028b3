// Owns the inside of the solver thread: one model in, one answer out; its time is watched from outside, too.
import { parentPort, workerData } from 'node:worker_threads';
import type { Highs } from 'highs';
import type { SolverReply, SolverRequest } from './exact-plan.ts';

const { model, limitSeconds } = workerData as SolverRequest;

async function answer(): Promise<SolverReply> {
  const loaded = await import('highs').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  });
  if (loaded === null) return { missing: true };
  // Its types speak of the module as CommonJS gives it; Node gives the loader itself.
  const load = loaded.default as unknown as () => Promise<Highs>;
  const solver = await load();
  const { Status, ObjectiveValue } = solver.solve(model, { time_limit: limitSeconds, mip_rel_gap: 1e-6, output_flag: false });
  return { status: Status, objective: Number.isFinite(ObjectiveValue) ? ObjectiveValue : null };
}

answer().then(
  (reply) => parentPort?.postMessage(reply),
  (error: Error) => parentPort?.postMessage({ error: error.message } satisfies SolverReply),
);
