// Owns `wait`: until executions or jobs have ended, however long that takes; giving up cancels nothing.
import type { Command } from 'commander';
import type { JsonObject } from '../../domain/json.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, exitCodeOf, type Invoke } from '../command-context.ts';
import { parseDurationFlag } from '../input-flags.ts';
import { interruptible } from '../interrupt.ts';
import { NOBODY_WORKS, otherWorkers, withEngine } from '../open.ts';
import { outcomeLines } from '../render/outcome.ts';
import { objects, text } from '../render/wire.ts';
import { toolData } from '../tool-data.ts';

interface WaitFlags {
  readonly any?: boolean;
  readonly waiting?: boolean;
  readonly timeout?: string;
}

/** The tool waits at most this long in one call. */
const CALL_MS = 50_000;

export function addWait(program: Command, invoke: Invoke): void {
  program
    .command('wait')
    .argument('<ids...>', 'executions and jobs')
    .description('wait until they have ended')
    .option('--any', 'until one of them has ended')
    .option('--waiting', 'also end when they wait for a person, a signal or a time')
    .option('--timeout <duration>', 'give up after this long, for example 10m; cancels nothing')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp wait exec_06d3v8q2k1h7m9p4r5s6t7v8w9 --timeout 10m',
        'logistics-mcp wait job_06d3v8q2k1h7m9p4r5s6t7v8w9 job_06d3v8q2k1h7m9p4r5s6t7v8wa --any',
      ),
    )
    .addHelpText('after', '\nExit codes: 0 completed, 1 failed or timed out, 130 cancelled.')
    .action((ids: string[], flags: WaitFlags, command: Command) => invoke(command, (context) => wait(context, ids, flags)));
}

function wait(context: CommandContext, ids: readonly string[], flags: WaitFlags): Promise<number> {
  const { io, out } = context;
  const timeoutMs = parseDurationFlag(flags.timeout, '--timeout');
  return withEngine(context, 'client', async ({ engine }) => {
    const raw = { ids, mode: flags.any === true ? 'any' : undefined, until: flags.waiting === true ? 'waiting' : undefined };
    const first = await toolData(engine, 'wait', { ...raw, timeout_ms: 0 });
    if (first.met !== true && timeoutMs !== 0 && otherWorkers(engine) === 0) out.note(NOBODY_WORKS);
    const { data, interrupted } = await interruptible(
      io,
      () => undefined,
      async (signal) => ({ data: await waitLong(engine, raw, timeoutMs ?? Number.POSITIVE_INFINITY, first, signal), interrupted: signal.aborted }),
    );
    out.data(data);
    out.print(outcomeLines(objects(data.items), out.colors, out.width));
    if (data.met !== true) return interrupted ? EXIT.interrupted : gaveUp(context);
    return worstOf(objects(data.items), flags.any === true);
  });
}

/** Many short waits make one long one. */
export async function waitLong(
  engine: OrchestrationEngine,
  raw: Readonly<Record<string, unknown>>,
  timeoutMs: number,
  first: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  const until = engine.now + timeoutMs;
  let data = first;
  while (data.met !== true && !signal.aborted && engine.now < until) {
    data = await toolData(engine, 'wait', { ...raw, timeout_ms: Math.max(1, Math.min(CALL_MS, Math.ceil(until - engine.now))) }, { signal });
  }
  return data;
}

function gaveUp({ out }: CommandContext): number {
  out.note('The time is over; nothing was cancelled.');
  return EXIT.failed;
}

function worstOf(items: readonly JsonObject[], one: boolean): number {
  const codes = items
    .map((item) => text(item, 'status'))
    .filter((status) => ['completed', 'failed', 'cancelled'].includes(status))
    .map(exitCodeOf);
  if (codes.length === 0) return EXIT.ok;
  if (one && codes.includes(EXIT.ok)) return EXIT.ok;
  return codes.includes(EXIT.failed) ? EXIT.failed : Math.max(...codes);
}
