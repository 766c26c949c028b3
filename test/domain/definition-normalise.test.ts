// Owns the promise that every spelling of a workflow gives one normal form, and that reading never throws.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFaults } from '../../src/domain/definition-faults.ts';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import { WorkflowDefinition } from '../../src/domain/workflow-definition.ts';
import type { WorkflowStep } from '../../src/domain/workflow-step.ts';
import { valid, workflow } from './definition-context.ts';

function step(fields: object): WorkflowStep {
  const { definition, faults } = normaliseDefinition({ name: 'w', steps: [{ id: 'a', task: 'echo', ...fields }] });
  if (definition === null) throw new Error(formatFaults(faults));
  return definition.steps[0] as WorkflowStep;
}

describe('normal form', () => {
  it('fills what every step has and leaves out what it has not', () => {
    expect(step({})).toEqual({ id: 'a', task: 'echo', with: {}, needs: [], when: 'all_success', continueOnError: false, requires: [] });
  });

  it.each([
    [{ dependsOn: ['b'] }, { needs: ['b'] }],
    [{ depends_on: 'b' }, { needs: ['b'] }],
    [{ dependencies: ['b', 'c', 'b'] }, { needs: ['b', 'c'] }],
    [{ needs: null }, { needs: [] }],
    [{ parameters: { x: 1 } }, { with: { x: 1 } }],
    [{ with: null }, { with: {} }],
    [{ triggerRule: 'all_done' }, { when: 'all_done' }],
    [{ trigger_rule: 'one_failed' }, { when: 'one_failed' }],
    [{ when: 'always' }, { when: 'always' }],
    [{ if: 'input.a > 1' }, { if: '${{ input.a > 1 }}' }],
    [{ run_if: '${{input.a}}' }, { if: '${{ input.a }}' }],
    [{ if: false }, { if: '${{ false }}' }],
    [{ required: false }, { continueOnError: true }],
    [{ required: true }, { continueOnError: false }],
    [{ continue_on_error: true }, { continueOnError: true }],
    [{ for_each: 'steps.b.output' }, { forEach: '${{ steps.b.output }}' }],
    [{ forEach: [1, 2] }, { forEach: [1, 2] }],
    [{ forEach: [1], max_parallel: 2 }, { maxParallel: 2 }],
    [{ forEach: [1], tolerateFailures: 2 }, { tolerateFailures: { count: 2 } }],
    [{ forEach: [1], tolerateFailures: ' 2.5 %' }, { tolerateFailures: { percent: 2.5 } }],
    [{ timeout: '1m30s' }, { timeoutMs: 90_000 }],
    [
      { timeout: 250, deadline: 'PT1H' },
      { timeoutMs: 250, deadlineMs: 3_600_000 },
    ],
    [{ priority: 'high' }, { priority: 75 }],
    [{ priority: 3 }, { priority: 3 }],
    [{ requires: 'gpu' }, { requires: ['gpu'] }],
    [{ queue: 'bulk' }, { queue: 'bulk' }],
    [{ artifact: 'report.md' }, { artifact: { name: 'report.md', mediaType: 'text/markdown' } }],
    [{ artifact: 'data' }, { artifact: { name: 'data', mediaType: 'application/octet-stream' } }],
    [{ artifact: { name: 'a.csv', media_type: 'text/plain' } }, { artifact: { name: 'a.csv', mediaType: 'text/plain' } }],
    [{ max_retries: 2 }, { retry: { maxAttempts: 3 } }],
    [{ retry_count: 0 }, { retry: { maxAttempts: 1 } }],
    [{ retry_count: 0, max_retries: 3 }, { retry: { maxAttempts: 4 } }],
    [{ retry: 5 }, { retry: { maxAttempts: 5, initialIntervalMs: 1_000, maxIntervalMs: 100_000, jitter: 'full' } }],
    [
      { retry: { max_attempts: 2, initial_interval: '2s', max_interval: '1m', backoff_coefficient: 3 } },
      { retry: { maxAttempts: 2, initialIntervalMs: 2_000, maxIntervalMs: 60_000, backoffCoefficient: 3 } },
    ],
    [
      { retry: { initialInterval: 0, non_retryable: 'http_4xx', retry_on: ['network'] } },
      { retry: { initialIntervalMs: 0, nonRetryable: ['http_4xx'], retryOn: ['network'] } },
    ],
    [
      { compensate: { task: 'log', parameters: { message: 'undo' }, timeout: '5s', retry: 1 } },
      { compensate: { task: 'log', with: { message: 'undo' }, timeoutMs: 5_000, retry: { maxAttempts: 1 } } },
    ],
  ])('reads %j', (written, normal) => {
    expect(step(written)).toMatchObject(normal);
  });

  it('asks a condition about failure after a failure too, unless a rule is written', () => {
    expect(step({ if: 'failure()' }).when).toBe('all_done');
    expect(step({ if: '${{ always() && input.x }}' }).when).toBe('all_done');
    expect(step({ if: 'success()' }).when).toBe('all_success');
    expect(step({ if: "input.x == 'failure()'" }).when).toBe('all_success');
    expect(step({ if: 'failure()', when: 'one_failed' }).when).toBe('one_failed');
  });

  it('reads steps as a list with names, as a mapping, and under the name tasks', () => {
    const normal = valid(workflow([{ id: 'a' }, { id: 'b', needs: ['a'] }]));
    const steps = { a: { task: 'echo', with: { value: 1 } }, b: { task: 'echo', with: { value: 1 }, needs: 'a' } };
    expect(valid({ name: 'test', steps })).toEqual(normal);
    expect(valid({ name: 'test', tasks: Object.entries(steps).map(([name, rest]) => ({ name, ...rest })) })).toEqual(normal);
    expect(
      valid({
        name: 'test',
        steps: [
          { ...steps.a, id: 'a' },
          { task: 'echo', with: { value: 1 }, id: 'b' },
        ],
        dependencies: { b: ['a'] },
      }),
    ).toEqual(normal);
  });

  it('reads the workflow level', () => {
    const read = normaliseDefinition({
      ...workflow([{ id: 'a' }]),
      version: 4,
      description: 'text',
      concurrency: { key: '${{ input.x }}', on_limit: 'skip' },
      max_parallel: 3,
      timeout: '1h',
      output: { a: 1 },
      onFailure: [{ task: 'log' }, { id: 'tell', task: 'log' }],
      metadata: { team: 'x' },
    });
    expect(read.faults).toEqual([]);
    expect(read.version).toBe(4);
    expect(read.definition).toMatchObject({
      description: 'text',
      concurrency: { key: '${{ input.x }}', limit: 1, onLimit: 'skip' },
      maxParallel: 3,
      timeoutMs: 3_600_000,
      output: { a: 1 },
      onFailure: [{ id: 'on_failure_1' }, { id: 'tell' }],
      metadata: { team: 'x' },
    });
    expect(read.definition).not.toHaveProperty('version');
  });

  it('takes a name from outside and aliases of task types', () => {
    const read = normaliseDefinition({ steps: [{ id: 'a', task: 'say.it' }] }, { defaultName: 'from-file', taskAliases: { 'say.it': 'echo' } });
    expect(read.definition).toMatchObject({ name: 'from-file', steps: [{ task: 'echo' }] });
  });

  it('reads its own normal form as itself', () => {
    const written = workflow(
      [
        { id: 'a', retry: { maxAttempts: 4, retryOn: ['network'] }, timeout: '3s', deadline: '9s', artifact: 'x.json', if: 'failure()', priority: 'low' },
        { id: 'b', needs: ['a'], forEach: [1], tolerateFailures: '5%', maxParallel: 2, compensate: { task: 'log', retry: 2, timeout: '1s' } },
        { id: 'c', task: 'workflow.run', with: { name: 'other' } },
      ],
      { concurrency: { key: 'k' }, timeout: '1m', onFailure: [{ task: 'log' }] },
    );
    const { definition } = normaliseDefinition(written);
    expect(definition).not.toBeNull();
    expect(normaliseDefinition(definition).definition).toEqual(definition);
    expect(WorkflowDefinition.parse(definition)).toEqual(definition);
  });

  it('never throws, and what it accepts fits the schema', () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true });
    const key = fc.constantFrom(
      'id',
      'name',
      'task',
      'with',
      'needs',
      'when',
      'if',
      'forEach',
      'retry',
      'timeout',
      'artifact',
      'compensate',
      'module',
      'action',
      'parameters',
      'dependencies',
      'priority',
      'x',
    );
    const stepLike = fc.dictionary(key, fc.oneof(anything, fc.constantFrom('a', 'b', 'echo', '{{a.output}}', '5%', '30s', 1, true)), { maxKeys: 8 });
    const steps = fc.oneof(fc.array(fc.oneof(stepLike, anything), { maxLength: 4 }), fc.dictionary(fc.string(), stepLike, { maxKeys: 4 }), anything);
    const top = fc.record(
      { name: fc.constantFrom('w', 3, null), steps, dependencies: anything, concurrency: anything, onFailure: steps, metadata: anything, output: anything },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(anything, top), (raw) => {
        const { definition, faults } = normaliseDefinition(raw);
        expect(definition === null).toBe(faults.length > 0);
        if (definition !== null) expect(WorkflowDefinition.parse(definition)).toEqual(definition);
        expect(typeof formatFaults(faults)).toBe('string');
      }),
      { numRuns: 1_500 },
    );
  });
});
