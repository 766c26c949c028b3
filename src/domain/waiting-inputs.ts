// Owns what the steps that hold no worker take as `with`: read at validation, and again by advance() when rendered.
import { z } from 'zod';
import { Duration } from './duration.ts';
import { Json, JsonObject } from './json.ts';
import { Priority } from './priority.ts';
import { ResourceRequest } from './resource.ts';
import { WorkflowName } from './workflow-definition.ts';
import { WAITING_TASKS, type WaitingTask } from './workflow-step.ts';

const Name = z.string().min(1).max(200);

/** ISO 8601 with an offset, or epoch ms; gives epoch ms. */
const Instant = z.union([
  z.int().min(0),
  z.iso
    .datetime({ offset: true, error: 'expected an ISO 8601 time with an offset, for example "2027-01-31T09:00:00+01:00"' })
    .transform((text) => Date.parse(text)),
]);

export const SleepInput = z.strictObject({ duration: Duration });
export const SleepUntilInput = z.strictObject({ until: Instant });
export const WaitSignalInput = z.strictObject({ name: Name });
export const WaitApprovalInput = z.strictObject({
  message: z.string().min(1).max(10_000),
  /** Who may decide: `human` refuses the decision of an agent. */
  by: z.enum(['human', 'any']).default('human'),
  details: Json.optional(),
});
export const WaitEventInput = z.strictObject({
  event: Name,
  /** Every field listed must be equal in the event's payload. */
  match: JsonObject.optional(),
});
export const WorkflowRunInput = z.strictObject({
  workflow: WorkflowName,
  version: z.int().min(1).optional(),
  input: JsonObject.optional(),
});
export const ResourceAcquireInput = z.strictObject({ resources: ResourceRequest, priority: Priority.optional() });
export const ResourceReleaseInput = z.strictObject({
  /** The output of the step that acquired it. */
  allocation: z.string().min(1).max(200),
});
export const EmitInput = z.strictObject({ event: Name, payload: Json.optional() });

/** Schema of the rendered `with`, and an example of it, per waiting task. */
export const WAITING_INPUTS = {
  sleep: { input: SleepInput, example: { duration: '30s' } },
  sleepUntil: { input: SleepUntilInput, example: { until: '2027-01-31T09:00:00+01:00' } },
  'wait.signal': { input: WaitSignalInput, example: { name: 'go' } },
  'wait.approval': { input: WaitApprovalInput, example: { message: 'Publish?', by: 'human' } },
  'wait.event': { input: WaitEventInput, example: { event: 'deployed', match: { environment: 'production' } } },
  'workflow.run': { input: WorkflowRunInput, example: { workflow: 'build', input: { repo: 'a/b' } } },
  emit: { input: EmitInput, example: { event: 'deployed', payload: { environment: 'production' } } },
  'resource.acquire': { input: ResourceAcquireInput, example: { resources: { gpu: 1 } } },
  'resource.release': { input: ResourceReleaseInput, example: { allocation: '${{ steps.gpu.output }}' } },
} as const satisfies Record<WaitingTask, { input: z.ZodType; example: JsonObject }>;

export function isWaitingTask(task: string): task is WaitingTask {
  return (WAITING_TASKS as readonly string[]).includes(task);
}
