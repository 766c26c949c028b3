// Owns `control`: every action on what exists, done as a person; what only a running process can finish is said plainly.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { limitFlag, rateFlag } from '../flag-values.ts';
import { parseJsonFlag } from '../input-flags.ts';
import { NOBODY_WORKS, otherWorkers, withEngine } from '../open.ts';
import { controlLines } from '../render/control.ts';
import { text } from '../render/wire.ts';
import { toolData } from '../tool-data.ts';

interface ControlFlags {
  readonly step?: string;
  readonly signal?: string;
  readonly signalId?: string;
  readonly payload?: string;
  readonly approve?: boolean;
  readonly reject?: boolean;
  readonly comment?: string;
  readonly digest?: string;
  readonly reason?: string;
  readonly context?: string;
  readonly concurrency?: string;
  readonly order?: string;
  readonly budget?: string;
  readonly change?: string;
  readonly rateLimit?: string;
  readonly idempotencyKey?: string;
}

const FLAG_OF = {
  id: '<id>',
  action: '<action>',
  step: '--step',
  name: '--signal',
  signal_id: '--signal-id',
  payload: '--payload',
  approved: '--approve',
  comment: '--comment',
  digest: '--digest',
  reason: '--reason',
  context: '--context',
  concurrency: '--concurrency',
  order: '--order',
  rate_limit: '--rate-limit',
  budget: '--budget',
  change: '--change',
  idempotency_key: '--idempotency-key',
};

/** Actions after which somebody has to work. */
const NEEDS_WORK = ['resume', 'retry', 'restart', 'fork', 'signal', 'approve', 'redrive'];

export function addControl(program: Command, invoke: Invoke): void {
  program
    .command('control')
    .argument('<id>', 'an execution, job, session or stored workflow, queue:<name> or pool:<name>')
    .argument('<action>', 'cancel, pause, resume, retry, restart, fork, signal, approve, redrive, delete or update')
    .description('act on an execution, job, queue, session or workflow')
    .option('--step <id>', 'fork: first step that runs again; approve: the waiting step')
    .option('--signal <name>', 'signal: its name')
    .option('--signal-id <id>', 'signal: the same id twice counts once')
    .option('--payload <json>', 'signal: its value')
    .option('--approve', 'approve: yes (the default)')
    .option('--reject', 'approve: no')
    .option('--comment <text>', 'approve: why')
    .option('--digest <digest>', 'approve: what you saw, as get shows it')
    .option('--reason <text>', 'cancel: why')
    .option('--context <json>', 'update: merged into the context of a session')
    .option('--concurrency <n>', 'update of a queue: jobs at once, or none')
    .option('--order <name>', 'update of a queue: fifo, sjf, edf, wspt or fair')
    .option('--rate-limit <n/period>', 'update of a queue: starts in any period such as 100/1m, or none')
    .option('--budget <json>', 'update of an execution or session: what it may use; null = no bound')
    .option('--change <json>', 'update of a pool: fields as in define_pool')
    .option('--idempotency-key <key>', 'the same key again acts once')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp control exec_06d3v8q2k1h7m9p4r5s6t7v8w9 cancel --reason "wrong input"',
        'logistics-mcp control queue:mail pause',
        `logistics-mcp control exec_06d3v8q2k1h7m9p4r5s6t7v8w9 update --budget '{"tokens": 900000}'`,
        `logistics-mcp control pool:gpu update --change '{"capacity": 4}'`,
        'logistics-mcp control queue:mail update --concurrency 2 --rate-limit 100/1m',
        'logistics-mcp control exec_06d3v8q2k1h7m9p4r5s6t7v8w9 approve --reject --comment "not today"',
        `logistics-mcp control exec_06d3v8q2k1h7m9p4r5s6t7v8w9 signal --signal paid --payload '{"amount": 5}'`,
      ),
    )
    .action((id: string, action: string, flags: ControlFlags, command: Command) => invoke(command, (context) => control(context, id, action, flags)));
}

function control(context: CommandContext, id: string, action: string, flags: ControlFlags): Promise<number> {
  const { out } = context;
  const raw = {
    id,
    action,
    step: flags.step,
    name: flags.signal,
    signal_id: flags.signalId,
    payload: flags.payload === undefined ? undefined : parseJsonFlag(flags.payload, '--payload'),
    approved: decisionOf(action, flags),
    comment: flags.comment,
    digest: flags.digest,
    reason: flags.reason,
    context: flags.context === undefined ? undefined : parseJsonFlag(flags.context, '--context'),
    concurrency: limitFlag(flags.concurrency),
    order: flags.order,
    rate_limit: rateFlag(flags.rateLimit, '--rate-limit'),
    budget: flags.budget === undefined ? undefined : parseJsonFlag(flags.budget, '--budget'),
    change: flags.change === undefined ? undefined : parseJsonFlag(flags.change, '--change'),
    idempotency_key: flags.idempotencyKey,
  };
  return withEngine(context, 'client', async ({ engine }) => {
    const data = await toolData(engine, 'control', raw, { flags: FLAG_OF });
    out.data(data);
    out.print(controlLines(data, out.colors));
    if (NEEDS_WORK.includes(action) && ['pending', 'running', 'waiting'].includes(text(data, 'status')) && otherWorkers(engine) === 0) out.note(NOBODY_WORKS);
    return EXIT.ok;
  });
}

function decisionOf(action: string, { approve, reject }: ControlFlags): boolean | undefined {
  if (approve === true && reject === true)
    throw new LogisticsError('invalid_input', 'Both --approve and --reject are given.', { path: '--reject', expected: 'one of --approve, --reject' });
  if (approve !== true && reject !== true) return action === 'approve' ? true : undefined;
  return approve === true;
}
