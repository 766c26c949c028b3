// Work for agents in a definition: the input of agent.task, the schema of an output, and what becomes of both in the plan.
import { describe, expect, it } from 'vitest';
import { agentTask } from '../../src/actions/agent-task.ts';
import { compilePlan } from '../../src/domain/plan.ts';
import { checkOutput, checkOutputSchema } from '../../src/orchestration/input-schema.ts';
import { check, context, faultsOf, taskTypes, workflow } from './definition-context.ts';

const more = { taskTypes: new Map([...taskTypes, ['agent.task', agentTask]]), checkOutputSchema };
const agent = (fields: object): object => workflow([{ id: 'a', task: 'agent.task', with: { prompt: 'Do it' }, ...fields } as never]);
/** A schema can be wrong in several ways at one place. */
const distinct = (raw: object): string[] => [...new Set(faultsOf(raw, more))];

describe('agent.task', () => {
  it.each<[string, object, string[]]>([
    ['no prompt', { with: {} }, ['steps[0].with.prompt invalid_input']],
    ['an empty prompt', { with: { prompt: '' } }, ['steps[0].with.prompt invalid_input']],
    ['an unknown field', { with: { prompt: 'x', contxt: 1 } }, ['steps[0].with.contxt invalid_input']],
    ['expressions', { forEach: [1], with: { prompt: '${{ item }}', context: { at: '${{ index }}' }, instructions: 'be brief' } }, []],
  ])('%s', (_, fields, expected) => expect(faultsOf(agent(fields), more)).toEqual(expected));

  it('names the field that was meant', () => {
    expect(check(agent({ with: { prompt: 'x', contxt: 1 } }), more).faults[0]).toMatchObject({ nearMatches: ['context'] });
  });

  it('always requires agent.task, and what the step requires', () => {
    const { definition } = check(agent({ requires: ['review'], output: { type: 'string' } }), more);
    const plan = compilePlan(definition as never, 'h', context.evaluator, { capabilityOf: () => agentTask.capability?.({}) });
    expect(plan.nodes[0]).toMatchObject({ requires: ['agent.task', 'review'], step: { outputSchema: { type: 'string' } } });
  });
});

describe('the schema of an output', () => {
  const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };

  it.each(['output', 'outputSchema', 'output_schema'])('is written as %s and is one thing in the normal form', (name) => {
    expect(check(agent({ [name]: schema }), more).definition?.steps[0]?.outputSchema).toEqual(schema);
  });

  it('changes the definition, so it is another version', () => {
    expect(check(agent({ output: schema }), more).definition).not.toEqual(check(agent({}), more).definition);
  });

  it.each<[string, object, string[]]>([
    ['a wrong type', { output: { type: 'objekt' } }, ['steps[0].output.type invalid_definition']],
    ['no schema at all', { output: { summary: 'text' } }, ['steps[0].output invalid_definition']],
    ['no object', { output: 'string' }, ['steps[0].output invalid_definition']],
    ['beside an artifact', { output: schema, artifact: 'a.md' }, ['steps[0].output invalid_definition']],
    ['a schema of a list', { output: { items: { type: 'string' } } }, []],
  ])('%s', (_, fields, expected) => expect(distinct(agent(fields))).toEqual(expected));

  it('is refused on a step that does no work, and acts on an onFailure step', () => {
    expect(faultsOf(workflow([{ id: 'a', task: 'sleep', with: { duration: '1s' }, output: schema }]), more)).toEqual(['steps[0].output invalid_definition']);
    expect(distinct(workflow([{ id: 'a' }], { onFailure: [{ task: 'echo', with: { value: 1 }, output: { type: 'nope' } }] }))).toEqual([
      'onFailure[0].output.type invalid_definition',
    ]);
  });

  it('holds an output against it, and changes nothing', () => {
    const defaults = { type: 'object', properties: { n: { type: 'integer', default: 1 } } };
    const output = {};
    expect(checkOutput(defaults, 'defaults', output)).toEqual([]);
    expect(output).toEqual({});
    expect(checkOutput(schema, 'n', { n: 'x' })).toMatchObject([{ path: 'output.n', expected: 'integer' }]);
    expect(checkOutput({ items: { type: 'string' } }, 'list', ['a', 1])).toMatchObject([{ path: 'output[1]' }]);
    expect(checkOutput(schema, 'n', null)).toMatchObject([{ path: 'output', message: 'It is null.' }]);
  });
});
