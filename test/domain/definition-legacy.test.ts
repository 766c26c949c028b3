// Owns the promise that codomyrmex files load as they are, in each of their shapes, or say why not.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import { check } from './definition-context.ts';

const stepOf = (name: string, more: object = {}): object => ({
  name,
  module: 'tools',
  action: 'run',
  parameters: {},
  dependencies: [],
  timeout: null,
  retry_count: 0,
  max_retries: 3,
  ...more,
});

function read(raw: unknown): ReturnType<typeof normaliseDefinition> {
  return normaliseDefinition(raw);
}

const texts = (list: readonly { readonly path: string; readonly message: string }[]): string[] => list.map(({ path, message }) => `${path}: ${message}`);

describe('codomyrmex files', () => {
  it('a loaded file: module.action, seconds, retries, required and run_if', () => {
    const { definition, faults, warnings } = read({
      name: 'quality',
      description: 'as in production files',
      steps: [
        stepOf('setup', { timeout: 60 }),
        stepOf('analyze', { dependencies: ['setup'], timeout: 0.5, max_retries: 0, required: false, parameters: { path: '{{folder}}' } }),
        stepOf('report', {
          dependencies: ['analyze'],
          run_if: '{{analyze.output.issues}} > {{limit}}',
          parameters: { data: '{{analyze.output}}', title: '{{title}} of {{ analyze.output.name }}' },
        }),
      ],
    });
    expect(faults).toEqual([]);
    expect(warnings).toEqual([]);
    expect(definition).toMatchObject({
      name: 'quality',
      metadata: { params: ['folder', 'limit', 'title'] },
      steps: [
        { id: 'setup', task: 'tools.run', timeoutMs: 60_000, retry: { maxAttempts: 4 } },
        { id: 'analyze', needs: ['setup'], timeoutMs: 500, retry: { maxAttempts: 1 }, continueOnError: true, with: { path: '${{ input.folder }}' } },
        {
          id: 'report',
          if: '${{ steps.analyze.output.issues > input.limit }}',
          with: { data: '${{ steps.analyze.output }}', title: '${{ input.title }} of ${{ steps.analyze.output.name }}' },
        },
      ],
    });
  });

  it('a read without its dependency implies it, unless a path of needs is there already', () => {
    const { definition, faults, warnings } = read({
      name: 'pipeline',
      steps: [
        stepOf('third', { parameters: { data: '{{second.output}}' } }),
        stepOf('first'),
        stepOf('second', { parameters: { data: '{{first.output}}' } }),
        stepOf('last', { dependencies: ['third'], parameters: { x: '{{third.output.a.0}}', y: ['{{first.output}}'] } }),
      ],
    });
    expect(faults).toEqual([]);
    expect(definition?.steps.map(({ id, needs }) => [id, needs])).toEqual([
      ['third', ['second']],
      ['first', []],
      ['second', ['first']],
      ['last', ['third', 'first']],
    ]);
    expect(definition?.steps[3]?.with).toEqual({ x: '${{ steps.third.output.a[0] }}', y: ['${{ steps.first.output }}'] });
    expect(texts(warnings)).toEqual([
      'steps[0].dependencies: Added second: the step reads its output.',
      'steps[2].dependencies: Added first: the step reads its output.',
      'steps[3].dependencies: Added first: the step reads its output.',
    ]);
    const declared = read({
      name: 'w',
      steps: [stepOf('a'), stepOf('b', { dependencies: ['a'] }), stepOf('c', { dependencies: ['b'], parameters: { x: '{{a.output}}' } })],
    });
    expect(declared.definition?.steps[2]?.needs).toEqual(['b']);
    expect(declared.warnings).toEqual([]);
  });

  it('names that are no ids are changed everywhere', () => {
    const { definition, faults, warnings } = read({
      name: 'My report',
      steps: [
        stepOf('Fetch data'),
        stepOf('Fetch_data', { dependencies: ['Fetch data'] }),
        stepOf('2.send', { dependencies: ['Fetch data'], parameters: { a: '{{Fetch data.output}}', b: '{{2.send.output}}', c: '{{Fetch_data.output.x-y}}' } }),
      ],
    });
    expect(faults).toEqual([]);
    expect(definition).toMatchObject({
      name: 'My_report',
      steps: [
        { id: 'Fetch_data_2' },
        { id: 'Fetch_data', needs: ['Fetch_data_2'] },
        {
          id: '_2_send',
          needs: ['Fetch_data_2', 'Fetch_data'],
          with: { a: '${{ steps.Fetch_data_2.output }}', b: '${{ steps._2_send.output }}', c: '${{ steps.Fetch_data.output["x-y"] }}' },
        },
      ],
    });
    expect(texts(warnings)[0]).toBe('steps[0]: The step name "Fetch data" became the id Fetch_data_2; references to it were rewritten.');
    expect(warnings.map(({ path }) => path)).toEqual(['steps[0]', 'steps[2]', 'steps[2].dependencies', 'name']);
  });

  it('a complex definition, with dependencies beside the steps', () => {
    const { definition, faults, warnings } = normaliseDefinition(
      {
        steps: [
          { name: 'c', module: 'm', action: 'a', parameters: {} },
          { name: 'd', module: 'm', action: 'a' },
        ],
        dependencies: { c: ['d'] },
        parallel_groups: [['c']],
      },
      { defaultName: 'complex' },
    );
    expect(faults).toEqual([]);
    expect(definition).toMatchObject({
      name: 'complex',
      steps: [
        { id: 'c', needs: ['d'] },
        { id: 'd', needs: [] },
      ],
    });
    expect(warnings).toMatchObject([{ path: 'parallel_groups' }]);
  });

  it('a parallel definition: tasks, dependencies of both kinds, max_parallel', () => {
    const { definition, faults } = read({
      name: 'parallel',
      tasks: [
        { name: 't1', module: 'm', action: 'a' },
        { name: 't2', module: 'm', action: 'a', dependencies: ['t1'] },
        { name: 't3', module: 'm', action: 'a', dependencies: ['t1'] },
      ],
      dependencies: { t3: ['t2', 't1'] },
      max_parallel: 4,
      timeout: 2,
    });
    expect(faults).toEqual([]);
    expect(definition).toMatchObject({ maxParallel: 4, timeoutMs: 2_000, steps: [{ needs: [] }, { needs: ['t1'] }, { needs: ['t1', 't2'] }] });
  });

  it('what cannot be read is refused with its reason and its place', () => {
    const raw = {
      name: 'w',
      steps: [
        stepOf('a'),
        stepOf('b', { parameters: { m: '{{a.metadata.rows}}', x: ['{{aa.output}}'], e: '{{ 1 + 1 }}', s: '{{b.output}}', r: '{{a.result}}' } }),
        stepOf('c', { dependencies: ['zz'] }),
      ],
    };
    const faults = check(raw, { taskTypes: new Map([['tools.run', { input: z.looseObject({}), example: {} }]]) }).faults;
    expect(faults.map(({ path, code }) => `${path} ${code}`)).toEqual([
      'steps[1].parameters.m unresolved_reference',
      'steps[1].parameters.x[0] unresolved_reference',
      'steps[1].parameters.e unresolved_reference',
      'steps[1].parameters.r unresolved_reference',
      'steps[2].dependencies[0] unresolved_reference',
      'steps[1].parameters.s unresolved_reference',
    ]);
    expect(faults[0]?.message).toBe('{{a.metadata.rows}} reads metadata, which steps do not have here.');
    expect(faults[1]?.nearMatches?.[0]).toBe('a');
  });

  it('an unknown module and action fail validation unless they are aliased', () => {
    const raw = { name: 'w', steps: [stepOf('a', { module: 'nonexistent', action: 'thing' })] };
    expect(check(raw).faults).toMatchObject([{ path: 'steps[0].action', code: 'unknown_task_type', message: 'There is no task type nonexistent.thing.' }]);
    expect(normaliseDefinition(raw, { taskAliases: { 'nonexistent.thing': 'log' } }).definition?.steps[0]?.task).toBe('log');
  });

  it('expressions of ours in such a file stay as they are', () => {
    const { definition } = read({ name: 'w', steps: [stepOf('a', { parameters: { x: '${{ input.y }} {{y}}' } })] });
    expect(definition?.steps[0]?.with).toEqual({ x: '${{ input.y }} ${{ input.y }}' });
    expect(definition?.metadata).toEqual({ params: ['y'] });
  });
});
