// Owns the log task: one line in the job's bounded log, nothing else.
import { z } from 'zod';
import type { ActionContext, TaskType } from '../domain/action.ts';
import { Json, JsonObject } from '../domain/json.ts';

const LogInput = z.strictObject({
  message: Json.optional().describe('What to write; a value that is not a string is written as JSON. Default: a line that names the step.'),
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Severity of the line.'),
  fields: JsonObject.optional().describe('Structured fields beside the message.'),
});

export const logTask: TaskType = {
  type: 'log',
  version: 1,
  description: 'Writes one line to the log of the job.',
  input: LogInput,
  output: z.strictObject({ logged: z.literal(true), message: z.string() }),
  example: { message: 'Published ${{ steps.build.output.version }}', level: 'info' },
  run: async (input: z.infer<typeof LogInput>, context: ActionContext): Promise<Json> => {
    const message = textOf(input.message, context);
    context.log(input.level, message, input.fields);
    return { logged: true, message };
  },
};

function textOf(message: Json | undefined, context: ActionContext): string {
  if (message === undefined) return `Reached ${context.stepId ?? context.jobId}.`;
  return typeof message === 'string' ? message : JSON.stringify(message);
}
