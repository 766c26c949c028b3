// Owns what it costs to ask how it goes, beside a log of a million events: insights, a timeline, the end of a run.
import type { TaskType } from '../../src/domain/action.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { callTool } from '../../tools/call-tool.ts';
import { getTool } from '../../tools/get.ts';
import { listTool } from '../../tools/list.ts';
import type { ToolSpec } from '../../tools/tool.ts';
import { enqueueMany, NOOP, openBench } from '../support/engine.ts';
import { atMost, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';

/** Each is enqueued and completed: two events. */
const JOBS = 500_000;
const ASKED = 200;
const STEPS = 200;
const WORKFLOWS = 50;

const fails = defineTask({
  type: 'bench.fails',
  run: () => {
    throw new LogisticsError('handler_failed', 'on purpose', { retryable: false });
  },
}) as unknown as TaskType;
const stays = defineTask({
  type: 'bench.stays',
  run: (_, { signal }) => new Promise((_done, end) => signal.addEventListener('abort', () => end(signal.reason))),
}) as unknown as TaskType;

const CALLER = { principal: 'bench', actor: 'agent', sessionId: null } as const;

export const tracking: Scenario = {
  name: 'tracking',
  title: 'questions beside 1,000,000 events',
  long: true,
  async run(context: Context): Promise<readonly Figure[]> {
    const bench = await openBench(context.folder(), { concurrency: 100, durability: 'normal' }, 'worker', [fails, stays]);
    const { engine } = bench;
    context.say('running 500,000 jobs');
    const all = bench.untilEnded(JOBS);
    await enqueueMany(engine, JOBS, 500);
    await all;
    for (let at = 0; at < WORKFLOWS; at++) {
      const steps = Array.from({ length: 10 }, (_, i) => ({ id: `s${i}`, task: i === 9 ? 'bench.fails' : NOOP, needs: i === 0 ? [] : [`s${i - 1}`] }));
      await engine.executeWorkflow({ definition: { name: `flow${at}`, steps } }).catch(() => undefined);
    }
    const wide = Array.from({ length: STEPS }, (_, i) => ({ id: `s${i}`, task: i === STEPS - 1 ? 'bench.stays' : NOOP, needs: i < 10 ? [] : [`s${i - 10}`] }));
    const { executionId: id } = await engine.workflows.start({ definition: { name: 'wide', steps: wide } }, CALLER);
    await engine.wait({ ids: [id], timeoutMs: 2_000 });
    const ask = async (name: string, spec: ToolSpec, args: object): Promise<Figure> => {
      const times: number[] = [];
      for (let i = 0; i < ASKED; i++) {
        const started = performance.now();
        await callTool(spec, { engine, caller: CALLER }, args);
        times.push(performance.now() - started);
      }
      const p99 = percentile(times, 0.99);
      return { name: `${name}, p99 (p50 ${percentile(times, 0.5).toFixed(2)} ms)`, value: p99, unit: 'ms', target: atMost(p99, 10, 'ms') };
    };
    const figures = [
      await ask('list kind=insights', listTool, { kind: 'insights' }),
      await ask(`get of a running execution of ${STEPS} steps, with its end`, getTool, { id }),
      await ask(`get view=timeline of it`, getTool, { id, view: 'timeline' }),
    ];
    await engine.stop();
    return figures;
  },
};
