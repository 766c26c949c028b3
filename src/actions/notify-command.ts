// Owns telling a person by a program of this machine: no shell, a bounded time and output, the sentence on standard input and in the environment.
import type { ActionContext, TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { COMMAND_TASK, type CommandTarget } from '../domain/outlet.ts';
import { runProcess } from './process-tree.ts';
import { commandEnvironment, programFile } from './shell-environment.ts';
import { DeliveryInput, type DeliveryParts, outletOf } from './webhook-deliver.ts';

const MAX_OUTPUT_BYTES = 16_384;

export interface NotifyCommandParts extends DeliveryParts {
  /** Where the variables that a command may see are taken from. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export function createNotifyCommand(parts: NotifyCommandParts): TaskType {
  return {
    type: COMMAND_TASK,
    version: 1,
    internal: true,
    description: 'Tells a person of one event by a configured command.',
    input: DeliveryInput,
    example: { outlet: 'desk', cursor: 17, at: 1_790_000_000_000, body: { text: 'An approval is needed.' } },
    run: async (input: DeliveryInput, context: ActionContext): Promise<Json> => {
      const { target } = outletOf(parts, input, context);
      if (target.kind !== 'command') throw new LogisticsError('not_found', `The outlet ${input.outlet} has no command any more.`, { path: 'outlet' });
      return run(target, input, context, parts.env);
    },
  };
}

async function run({ argv, cwd, passEnv }: CommandTarget, input: DeliveryInput, context: ActionContext, env: NotifyCommandParts['env']): Promise<Json> {
  const [program = '', ...args] = argv;
  const around = { root: cwd, passEnv, env };
  const { text } = input.body;
  const variables = { LOGISTICS_DELIVERY_ID: context.jobId, ...(typeof text === 'string' ? { LOGISTICS_TEXT: text } : {}) };
  const result = await runProcess(
    {
      file: await programFile(around, program),
      args,
      cwd,
      env: commandEnvironment(around, cwd, variables),
      stdin: `${JSON.stringify(input.body)}\n`,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  if (result.exitCode === 0) return { exitCode: 0 };
  const { exitCode, signal, startFault, stderr } = result;
  const how = startFault !== undefined ? `could not be started (${startFault})` : signal !== undefined ? `was ended by ${signal}` : `exited with ${exitCode}`;
  throw new LogisticsError('command_failed', `The command of ${input.outlet} ${how}.`, {
    details: { exitCode: exitCode ?? null, signal: signal ?? null, stderr },
  });
}
