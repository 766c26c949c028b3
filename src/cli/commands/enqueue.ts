// Owns `enqueue`: one job, durable when its id is told; with --wait this process works on it too.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { AGENT_CAPABILITY } from '../../domain/worker-agent.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, exitCodeOf, type Invoke } from '../command-context.ts';
import { numberOrText, rateFlag } from '../flag-values.ts';
import { parseJsonFlag } from '../input-flags.ts';
import { interruptible } from '../interrupt.ts';
import { NOBODY_WORKS, otherWorkers, withEngine } from '../open.ts';
import { outcomeLines } from '../render/outcome.ts';
import { oneLine } from '../render/text.ts';
import { objects, text } from '../render/wire.ts';
import { toolData } from '../tool-data.ts';
import { waitLong } from './wait.ts';

interface EnqueueFlags {
  readonly name?: string;
  readonly queue?: string;
  readonly priority?: string;
  readonly delay?: string;
  readonly runAt?: string;
  readonly dependsOn?: readonly string[];
  readonly retry?: string;
  readonly timeout?: string;
  readonly expiresAt?: string;
  readonly expiresIn?: string;
  readonly expectedDuration?: string;
  readonly dedupeKey?: string;
  readonly dedupe?: string;
  readonly concurrencyKey?: string;
  readonly rateLimit?: string;
  readonly requires?: readonly string[];
  readonly resources?: string;
  readonly output?: string;
  readonly session?: string;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
}

const FLAG_OF = {
  task: '<task>',
  payload: '[json]',
  name: '--name',
  queue: '--queue',
  priority: '--priority',
  delay: '--delay',
  run_at: '--run-at',
  depends_on: '--depends-on',
  retry: '--retry',
  timeout: '--timeout',
  expires_at: '--expires-at',
  expires_in: '--expires-in',
  expected_duration: '--expected-duration',
  dedupe: '--dedupe-key',
  concurrency: '--concurrency-key',
  rate_limit: '--rate-limit',
  requires: '--requires',
  resources: '--resources',
  output: '--output',
  session_id: '--session',
  idempotency_key: '--idempotency-key',
};

export function addEnqueue(program: Command, invoke: Invoke): void {
  program
    .command('enqueue')
    .argument('<task>', 'a task type such as echo or http.request')
    .argument('[json]', 'its input')
    .description('put a job into a queue')
    .option('--name <label>', 'label for people')
    .option('--queue <name>', 'queue; default "default"')
    .option('--priority <0-100>', 'or critical, high, normal, low, background')
    .option('--delay <duration>', 'not before this long from now')
    .option('--run-at <time>', 'not before this moment, such as 2026-11-21T09:00:00Z')
    .option('--depends-on <ids...>', 'jobs that must complete first')
    .option('--retry <n|json>', 'attempts in all, or a retry policy as JSON')
    .option('--timeout <duration>', 'limit of one attempt')
    .option('--expires-at <time>', 'fails as expired when it has not started by then')
    .option('--expires-in <duration>', 'the same, from now')
    .option('--expected-duration <duration>', 'how long it will take; orders queues that go by duration')
    .option('--dedupe-key <key>', 'one job with this key in the queue')
    .option('--dedupe <mode>', 'reject, return_existing (default), replace or debounce')
    .option('--concurrency-key <key>', 'one job with this key at once')
    .option('--rate-limit <n/period>', 'starts of jobs of this queue in any period, such as 100/1m')
    .option('--resources <json>', 'what it holds of pools while it runs, such as {"gpu": 1}')
    .option('--requires <capabilities...>', 'what the process or worker agent must offer')
    .option('--output <json>', 'JSON Schema that the result must fit')
    .option('--session <id>', 'session that owns it')
    .option('--idempotency-key <key>', 'the same key again gives the same job')
    .option('--wait', 'work here until it has ended, and print its result')
    .addHelpText(
      'after',
      examples(
        `logistics-mcp enqueue echo '{"value": "hello"}' --wait`,
        `logistics-mcp enqueue http.request '{"url": "https://example.org"}' --delay 10m --queue web`,
      ),
    )
    .action((task: string, json: string | undefined, flags: EnqueueFlags, command: Command) =>
      invoke(command, (context) => enqueue(context, task, json, flags)),
    );
}

function enqueue(context: CommandContext, task: string, json: string | undefined, flags: EnqueueFlags): Promise<number> {
  const { out, io } = context;
  const raw = {
    task,
    payload: json === undefined ? undefined : parseJsonFlag(json, 'json'),
    name: flags.name,
    queue: flags.queue,
    priority: numberOrText(flags.priority),
    delay: flags.delay,
    run_at: numberOrText(flags.runAt),
    depends_on: flags.dependsOn,
    retry: flags.retry?.startsWith('{') === true ? parseJsonFlag(flags.retry, '--retry') : numberOrText(flags.retry),
    timeout: flags.timeout,
    expires_at: numberOrText(flags.expiresAt),
    expires_in: flags.expiresIn,
    expected_duration: flags.expectedDuration,
    dedupe: dedupeOf(flags),
    concurrency: flags.concurrencyKey === undefined ? undefined : { key: flags.concurrencyKey },
    rate_limit: rateFlag(flags.rateLimit, '--rate-limit'),
    requires: flags.requires,
    resources: flags.resources === undefined ? undefined : parseJsonFlag(flags.resources, '--resources'),
    output: flags.output === undefined ? undefined : parseJsonFlag(flags.output, '--output'),
    session_id: flags.session,
    idempotency_key: flags.idempotencyKey,
  };
  return withEngine(context, flags.wait === true ? 'worker' : 'client', async ({ engine }) => {
    const reply = await toolData(engine, 'enqueue_job', raw, { flags: FLAG_OF });
    for (const warning of warningsOf(reply)) out.warn(warning);
    if (flags.wait !== true) return told(engine, reply, context);
    const id = text(reply, 'job_id');
    const waited = await interruptible(
      io,
      () => undefined,
      (signal) => waitLong(engine, { ids: [id] }, Number.POSITIVE_INFINITY, { met: false }, signal),
    );
    const item = objects(waited.items)[0] ?? reply;
    out.data({ ...reply, ...item });
    out.print(outcomeLines([item], out.colors, out.width));
    return waited.met === true ? exitCodeOf(text(item, 'status')) : EXIT.interrupted;
  });
}

function dedupeOf({ dedupeKey, dedupe }: EnqueueFlags): JsonObject | undefined {
  if (dedupeKey !== undefined) return { key: dedupeKey, mode: dedupe ?? 'return_existing' };
  if (dedupe === undefined) return undefined;
  throw new LogisticsError('invalid_input', '--dedupe is given without a key.', { path: '--dedupe-key', expected: 'what makes two jobs the same' });
}

function told(engine: OrchestrationEngine, reply: JsonObject, { out }: CommandContext): number {
  const id = text(reply, 'job_id');
  const c = out.colors;
  out.data(reply);
  out.print([
    `${c.green('✓')} ${oneLine(text(reply, 'name') || text(reply, 'task'))} ${reply.replayed === true || reply.deduplicated === true ? 'was enqueued before' : 'enqueued'}  ${c.bold(id)}`,
    `  ${c.dim('→')} logistics-mcp watch ${id}`,
  ]);
  if (!engine.backend.capabilities.durable)
    out.warn('The store lives in memory: the job is gone now that this command ends.', ['Leave out --store in_memory, or add --wait.']);
  else if (otherWorkers(engine) === 0 && text(reply, 'task') !== AGENT_CAPABILITY) out.note(NOBODY_WORKS);
  return EXIT.ok;
}

function warningsOf(reply: JsonObject): string[] {
  // Written for a process that works; this one does not, and says below who does.
  return Array.isArray(reply.warnings) ? reply.warnings.map(String).filter((warning) => !warning.startsWith('This process does not offer')) : [];
}
