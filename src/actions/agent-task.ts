// Owns the agent.task type: work that only a worker agent does, so its input is checked here and run never called.
import { z } from 'zod';
import type { TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import { Json } from '../domain/json.ts';
import { AGENT_CAPABILITY } from '../domain/worker-agent.ts';

const MAX_TEXT = 200_000;

const AgentTaskInput = z.strictObject({
  prompt: z.string().min(1).max(MAX_TEXT).describe('What the agent is asked to do.'),
  instructions: z.string().min(1).max(MAX_TEXT).optional().describe('How it is to be done: rules that hold for every item.'),
  context: Json.optional().describe('Any data that the work needs.'),
});

export const agentTask: TaskType = {
  type: 'agent.task',
  version: 1,
  description: 'Work for an AI agent: leased to a worker agent that offers the capabilities of requires, over claim_job or logistics-mcp worker --exec.',
  input: AgentTaskInput,
  example: { prompt: 'Review this file and list its faults.', context: { file: 'src/a.ts' } },
  capability: () => AGENT_CAPABILITY,
  run: () => Promise.reject(new LogisticsError('not_allowed', 'agent.task is done by a worker agent, never inside a process.', { path: 'task' })),
};
