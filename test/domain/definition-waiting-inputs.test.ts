// Owns the inputs of the steps that hold no worker: what they take, what they become, and that their examples hold.
import { describe, expect, it } from 'vitest';
import { isWaitingTask, WAITING_INPUTS } from '../../src/domain/waiting-inputs.ts';
import { WAITING_TASKS } from '../../src/domain/workflow-step.ts';

describe('inputs of waiting steps', () => {
  it.each(WAITING_TASKS)('the example of %s holds', (task) => {
    expect(isWaitingTask(task)).toBe(true);
    expect(WAITING_INPUTS[task].input.safeParse(WAITING_INPUTS[task].example).success).toBe(true);
    expect(WAITING_INPUTS[task].input.safeParse({ ...WAITING_INPUTS[task].example, extra: 1 }).success).toBe(false);
  });

  it('gives durations and times in milliseconds and fills who approves', () => {
    expect(WAITING_INPUTS.sleep.input.parse({ duration: '1m' })).toEqual({ duration: 60_000 });
    expect(WAITING_INPUTS.sleepUntil.input.parse({ until: '1970-01-01T01:00:01+01:00' })).toEqual({ until: 1_000 });
    expect(WAITING_INPUTS.sleepUntil.input.parse({ until: 5 })).toEqual({ until: 5 });
    expect(WAITING_INPUTS['wait.approval'].input.parse({ message: 'x' })).toEqual({ message: 'x', by: 'human' });
  });
});
