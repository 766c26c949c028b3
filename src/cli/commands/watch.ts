// Owns `watch`: shows an execution or a job of any process until it ends; looking changes nothing.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { kindOfId } from '../../domain/id.ts';
import type { Job } from '../../domain/job.ts';
import { isTerminal } from '../../domain/workflow-execution.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, exitCodeOf, type Invoke } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { NOBODY_WORKS, otherWorkers, withEngine } from '../open.ts';
import { jobLine } from '../render/job-line.ts';
import { runEndLines } from '../render/run-end.ts';
import { showProgress } from '../show-progress.ts';

const FOREVER = 2 ** 31 - 1;
const FRAME_MS = 100;

export function addWatch(program: Command, invoke: Invoke): void {
  program
    .command('watch')
    .argument('<id>', 'an execution or job')
    .description('watch an execution or job until it ends')
    .addHelpText('after', examples('logistics-mcp watch exec_06d3v8q2k1h7m9p4r5s6t7v8w9', 'logistics-mcp watch job_06d3v8q2k1h7m9p4r5s6t7v8w9 --json'))
    .action((id: string, _flags: object, command: Command) => invoke(command, (context) => watch(context, id)));
}

async function watch(context: CommandContext, id: string): Promise<number> {
  const kind = kindOfId(id);
  if (kind !== 'execution' && kind !== 'job') {
    throw new LogisticsError('invalid_input', `${JSON.stringify(id)} cannot be watched.`, {
      path: 'id',
      expected: 'an id that begins with exec_ or job_',
      nextActions: ['Run: logistics-mcp list executions'],
    });
  }
  return withEngine(context, 'client', async ({ engine }) => {
    const found = kind === 'execution' ? engine.backend.getExecution(id) : engine.backend.getJob(id);
    if (found === null) throw new LogisticsError('not_found', `There is no ${kind} ${id}.`, { path: 'id', nextActions: [`Run: logistics-mcp list ${kind}s`] });
    if (!isTerminal(found.status) && otherWorkers(engine) === 0) context.out.note(NOBODY_WORKS);
    return kind === 'execution' ? watchExecution(engine, id, context) : watchJob(engine, id, context);
  });
}

async function watchExecution(engine: OrchestrationEngine, id: string, { io, out }: CommandContext): Promise<number> {
  const end = await interruptible(
    io,
    () => undefined,
    async (signal) => {
      const showing = await showProgress(engine, id, io, out);
      const ended = await engine.wait({ ids: [id], timeoutMs: FOREVER, signal });
      showing.end();
      return ended;
    },
  );
  const execution = engine.backend.getExecution(id);
  if (execution === null) throw new LogisticsError('not_found', `The execution ${id} is gone.`);
  const output = engine.backend.getOutput({ executionId: id, stepId: null }) ?? null;
  out.data({ execution_id: id, workflow: execution.workflow, status: execution.status, output, error: execution.error });
  if (end !== 'met') return EXIT.interrupted;
  out.print(['', ...runEndLines(execution, output, engine.backend.listArtifacts({ executionId: id }), out.colors)]);
  return exitCodeOf(execution.status);
}

async function watchJob(engine: OrchestrationEngine, id: string, { io, out }: CommandContext): Promise<number> {
  const area = out.isTerminal && !out.json ? await out.live() : null;
  let last = '';
  const show = (): void => {
    const job = engine.backend.getJob(id);
    if (job === null) return;
    const line = jobLine(job, { now: io.now(), width: out.width, colors: out.colors });
    if (area !== null) area.update([line]);
    else if (job.status !== last) out.print([line]);
    last = job.status;
  };
  show();
  const timer = setInterval(show, FRAME_MS);
  const end = await interruptible(
    io,
    () => undefined,
    (signal) => engine.wait({ ids: [id], timeoutMs: FOREVER, signal }),
  );
  clearInterval(timer);
  show();
  area?.done();
  const job = engine.backend.getJob(id) as Job;
  out.data({ job_id: id, task: job.task, status: job.status, result: job.result, error: job.error });
  return end === 'met' ? exitCodeOf(job.status) : EXIT.interrupted;
}
