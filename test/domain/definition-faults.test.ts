// Owns the table of what is wrong with definitions: where it is said to be, under which code, and in which words.
import { describe, expect, it } from 'vitest';
import { definitionError, formatFaults, MAX_FAULTS } from '../../src/domain/definition-faults.ts';
import { toErrorData } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import { check, faultsOf, workflow } from './definition-context.ts';

const one = (fields: JsonObject, more: JsonObject = {}): JsonObject => workflow([{ id: 'a', ...fields }], more);
const two = (fields: JsonObject): JsonObject => workflow([{ id: 'a' }, { id: 'b', needs: ['a'], ...fields }]);
const say = (text: string): JsonObject => ({ task: 'echo', with: { value: text } });
const closed = { type: 'object', properties: { repo: {} }, additionalProperties: false };

it('tells that a schedules block does nothing outside a file of workflowsDir', () => {
  const { definition, warnings } = normaliseDefinition(one({}, { schedules: [] }));
  expect(warnings).toMatchObject([{ path: 'schedules', code: 'not_available' }]);
  expect(definition).not.toHaveProperty('schedules');
});

describe('faults of reading', () => {
  it.each<[string, unknown, string[]]>([
    ['no object', 'hello', [' invalid_definition']],
    ['a list', [], [' invalid_definition']],
    ['nothing', undefined, [' invalid_definition']],
    ['an empty object', {}, [' invalid_definition', ' invalid_definition']],
    ['no steps', { name: 'w', steps: [] }, ['steps invalid_definition']],
    ['steps of text', { name: 'w', steps: 'x' }, ['steps invalid_definition']],
    ['a step of text', { name: 'w', steps: ['x', { id: 'a', task: 'log' }] }, ['steps[0] invalid_definition']],
    ['a bad workflow name', one({}, { name: 'my flow' }), ['name invalid_definition']],
    ['a bad version', one({}, { version: '1.0' }), ['version invalid_definition']],
    ['an unknown field', one({}, { stepz: 1 }), ['stepz invalid_definition']],
    ['a cache without ttl', one({ cache: { key: 'x' } }), ['steps[0].cache invalid_definition']],
    ['a cache without key', one({ cache: { ttl: '1h' } }), ['steps[0].cache invalid_definition']],
    ['a cache for ever', one({ cache: { key: 'x', ttl: '9000d' } }), ['steps[0].cache.ttl invalid_definition']],
    ['an unknown field of a cache', one({ cache: { key: 'x', ttl: '1h', scope: 'all' } }), ['steps[0].cache.scope invalid_definition']],
    ['a cache of the workflow', one({}, { cache: { key: 'x', ttl: '1h' } }), ['cache not_available']],
    ['no resources', one({ resources: {} }), ['steps[0].resources invalid_definition']],
    [
      'an amount of resources',
      one({ resources: { gpu: -1, mem: '2Gib' } }),
      ['steps[0].resources.gpu invalid_definition', 'steps[0].resources.mem invalid_definition'],
    ],
    ['an amount that is not fixed', one({ resources: { gpu: '${{ input.n }}' } }), ['steps[0].resources.gpu invalid_definition']],
    ['no id', { name: 'w', steps: [{ task: 'log' }] }, ['steps[0] invalid_definition']],
    ['no task', { name: 'w', steps: [{ id: 'a' }] }, ['steps[0] invalid_definition']],
    ['half of a codomyrmex task', { name: 'w', steps: [{ id: 'a', action: 'log' }] }, ['steps[0] invalid_definition', 'steps[0].action unknown_task_type']],
    ['a bad id', one({ id: '1 step' }), ['steps[0].id invalid_definition']],
    ['the id __proto__', one({ id: '__proto__' }), ['steps[0].id invalid_definition']],
    ['another id than its key', { name: 'w', steps: { a: { id: 'b', task: 'log' } } }, ['steps.a.id invalid_definition']],
    ['two spellings', one({ dependsOn: ['x'], needs: ['a'] }), ['steps[0].dependsOn invalid_definition', 'steps[0].needs[0] invalid_definition']],
    ['an expression in a fixed field', one({ queue: '${{ input.q }}' }), ['steps[0].queue invalid_definition']],
    ['an expression as artifact name', one({ artifact: '${{ input.q }}.md' }), ['steps[0].artifact invalid_definition']],
    ['no artifact name', one({ artifact: { mediaType: 'text/plain' } }), ['steps[0].artifact invalid_definition']],
    ['an expression as capability', one({ requires: ['${{ input.q }}'] }), ['steps[0].requires invalid_definition']],
    [
      'wrong types',
      one({ needs: 3, with: [], if: 4, continueOnError: 'yes', timeout: true, priority: 'hi', forEach: {}, retry: 'x', artifact: 1 }),
      [
        'steps[0].with invalid_definition',
        'steps[0].needs invalid_definition',
        'steps[0].if invalid_definition',
        'steps[0].forEach invalid_definition',
        'steps[0].retry invalid_definition',
        'steps[0].timeout invalid_definition',
        'steps[0].priority invalid_definition',
        'steps[0].artifact invalid_definition',
        'steps[0].continueOnError invalid_definition',
        'steps[0].with invalid_input',
      ],
    ],
    ['a zero timeout', one({ timeout: 0 }), ['steps[0].timeout invalid_definition']],
    ['a needs entry that is no name', one({ needs: [7] }), ['steps[0].needs[0] invalid_definition']],
    ['two conditions', one({ if: '${{ true }} && ${{ false }}' }), ['steps[0].if invalid_definition']],
    ['an empty condition', one({ if: '${{ }}' }), ['steps[0].if invalid_definition']],
    ['a policy field', one({ retry: { maxAttempt: 3 } }), ['steps[0].retry.maxAttempt invalid_definition']],
    [
      'a policy value',
      one({ retry: { max_attempts: 0, jitter: 'half', backoffCoefficient: 0 } }),
      ['steps[0].retry.max_attempts invalid_definition', 'steps[0].retry.backoffCoefficient invalid_definition', 'steps[0].retry.jitter invalid_definition'],
    ],
    ['two retry fields', one({ retry: 3, max_retries: 2 }), ['steps[0].max_retries invalid_definition']],
    ['required and continueOnError', one({ required: true, continueOnError: true }), ['steps[0].required invalid_definition']],
    ['a tolerance', one({ forEach: [1], tolerateFailures: '120%' }), ['steps[0].tolerateFailures invalid_definition']],
    [
      'a concurrency rule',
      one({}, { concurrency: { limit: 0, onLimit: 'wait' } }),
      ['concurrency invalid_definition', 'concurrency.limit invalid_definition', 'concurrency.onLimit invalid_definition'],
    ],
    ['dependencies of unknown steps', one({}, { dependencies: { z: ['a'] } }), ['dependencies.z invalid_definition']],
    ['dependencies that are no object', one({}, { dependencies: ['a'] }), ['dependencies invalid_definition']],
    ['dependencies that are no list', one({}, { dependencies: { a: 3 } }), ['dependencies.a invalid_definition']],
    [
      'values that are no JSON',
      { ...one({ with: { value: 1 } }), metadata: { at: new Date(0), f: () => 1, n: Number.NaN, m: new Map() } },
      ['metadata.at invalid_definition', 'metadata.f invalid_definition', 'metadata.n invalid_definition', 'metadata.m invalid_definition'],
    ],
    [
      'the key __proto__',
      JSON.parse('{"name":"w","steps":[{"id":"a","task":"echo","with":{"value":{"__proto__":1}}}]}'),
      ['steps[0].with.value.__proto__ invalid_definition'],
    ],
  ])('%s', (_, raw, expected) => {
    expect(faultsOf(raw)).toEqual(expected);
  });

  it('a value that contains itself ends in a fault', () => {
    const metadata: Record<string, unknown> = {};
    metadata.self = metadata;
    expect(faultsOf({ ...one({}), metadata }).join()).toMatch(/limit_exceeded/);
  });

  it('more steps than allowed', () => {
    const steps = Array.from({ length: 10_001 }, (_, i) => ({ id: `s${i}`, task: 'log' }));
    expect(faultsOf({ name: 'w', steps })).toEqual(['steps limit_exceeded']);
  });
});

describe('faults of the graph', () => {
  it.each<[string, unknown, string[]]>([
    ['an id twice', workflow([{ id: 'a' }, { id: 'a' }]), ['steps[1].id invalid_definition']],
    ['an id twice over onFailure', one({}, { onFailure: [{ id: 'a', task: 'log' }] }), ['onFailure[0].id invalid_definition']],
    ['an unknown need', one({ needs: ['bb'] }), ['steps[0].needs[0] unresolved_reference']],
    ['an unknown need in its spelling', one({ depends_on: ['bb'] }), ['steps[0].depends_on[0] unresolved_reference']],
    ['an unknown need from the side', one({}, { dependencies: { a: ['bb'] } }), ['dependencies.a[0] unresolved_reference']],
    ['a need of itself', one({ needs: ['a'] }), ['steps[0].needs[0] invalid_definition']],
    ['a need of an onFailure step', one({ needs: ['z'] }, { onFailure: [{ id: 'z', task: 'log' }] }), ['steps[0].needs[0] invalid_definition']],
    ['a rule without needs', one({ when: 'one_failed' }), ['steps[0].when invalid_definition']],
    [
      'a circle',
      workflow([
        { id: 'a', needs: ['b'] },
        { id: 'b', needs: ['a'] },
      ]),
      ['steps[1].needs[0] invalid_definition'],
    ],
  ])('%s', (_, raw, expected) => {
    expect(faultsOf(raw)).toEqual(expected);
  });

  it('too many needs', () => {
    const ids = Array.from({ length: 400 }, (_, i) => `s${i}`);
    const steps = ids.map((id, i) => ({ id, needs: ids.slice(0, i) }));
    const more = ids.map((_, i) => ({ id: `t${i}`, needs: [...ids, ...ids.slice(0, i).map((_, k) => `t${k}`)] }));
    expect(faultsOf(workflow([...steps, ...more]))).toEqual(['steps limit_exceeded']);
  });
});

describe('faults of a cache', () => {
  const cache = { key: '${{ input.v }}', ttl: '1h' };
  it.each<[string, unknown, string[]]>([
    ['with forEach', one({ cache, forEach: [1] }), ['steps[0].cache invalid_definition']],
    ['with an artifact', one({ cache, artifact: 'a.md' }), ['steps[0].cache invalid_definition']],
    ['with compensate', one({ cache, compensate: { task: 'echo', with: { value: 1 } } }), ['steps[0].cache invalid_definition']],
    ['of a step that waits', one({ cache, task: 'sleep', with: { duration: '1s' } }), ['steps[0].cache invalid_definition']],
    ['of a failure handler', one({}, { onFailure: [{ id: 'z', task: 'echo', with: { value: 1 }, cache }] }), ['onFailure[0].cache invalid_definition']],
    ['whose key may change', one({ cache: { key: '${{ session.context.user }}', ttl: '1h' } }), ['steps[0].cache.key invalid_definition']],
    ['whose key reads a secret', one({ cache: { key: '${{ secrets.TOKEN }}', ttl: '1h' } }), ['steps[0].cache.key unresolved_reference']],
    ['whose key reads a later step', one({ cache: { key: '${{ steps.b.output }}', ttl: '1h' } }), ['steps[0].cache.key unresolved_reference']],
    ['as it should be', one({ cache }), []],
  ])('%s', (_, raw, expected) => {
    expect(faultsOf(raw)).toEqual(expected);
  });
});

describe('faults of tasks', () => {
  it.each<[string, unknown, string[]]>([
    ['an unknown task', one({ task: 'ehco' }), ['steps[0].task unknown_task_type']],
    [
      'resources of a step that holds no worker',
      one({ task: 'sleep', with: { duration: '1s' }, resources: { gpu: 1 } }),
      ['steps[0].resources invalid_definition'],
    ],
    ['nothing to acquire', one({ task: 'resource.acquire' }), ['steps[0].with.resources invalid_input']],
    [
      'a static input',
      one({ task: 'http.request', with: { url: 4, retries: 9, body: 'x' } }),
      ['steps[0].with.url invalid_input', 'steps[0].with.retries invalid_input', 'steps[0].with.body invalid_input'],
    ],
    ['a missing input', one({ task: 'http.request' }), ['steps[0].with.url invalid_input']],
    ['a union', one({ task: 'http.request', with: { url: 'x', mode: true } }), ['steps[0].with.mode invalid_input']],
    [
      'the certain parts of a dynamic input',
      one({ task: 'http.request', parameters: { url: '${{ input.u }}', retries: 9, uri: 'x' } }),
      ['steps[0].parameters.uri invalid_input', 'steps[0].parameters.retries invalid_input'],
    ],
    ['a missing part of a dynamic input', one({ task: 'http.request', with: { mode: '${{ input.m }}' } }), ['steps[0].with.url invalid_input']],
    ['a duration', one({ task: 'sleep', with: { duration: 'long' } }), ['steps[0].with.duration invalid_input']],
    ['a time without offset', one({ task: 'sleepUntil', with: { until: '2027-01-01T00:00:00' } }), ['steps[0].with.until invalid_input']],
    ['a wait without a name', one({ task: 'wait.signal', with: {} }), ['steps[0].with.name invalid_input']],
    ['who approves', one({ task: 'wait.approval', with: { message: 'x', by: 'me' } }), ['steps[0].with.by invalid_input']],
    [
      'two names of a child',
      one({ task: 'workflow.run', with: { name: 'x', workflow: 'y' } }),
      ['steps[0].with.name invalid_definition', 'steps[0].with.name invalid_input'],
    ],
    [
      'retry of a wait',
      one({ task: 'sleep', with: { duration: 1 }, retry: 2, queue: 'q', requires: ['r'], artifact: 'x', priority: 1 }),
      [
        'steps[0].retry invalid_definition',
        'steps[0].artifact invalid_definition',
        'steps[0].queue invalid_definition',
        'steps[0].priority invalid_definition',
        'steps[0].requires invalid_definition',
      ],
    ],
    [
      'forEach of a wait',
      one({ task: 'emit', with: { event: 'x' }, forEach: [1], timeout: '1s' }),
      ['steps[0].forEach invalid_definition', 'steps[0].timeout invalid_definition'],
    ],
    [
      'fields of forEach',
      one({ maxParallel: 2, tolerateFailures: 1 }),
      ['steps[0].maxParallel invalid_definition', 'steps[0].tolerateFailures invalid_definition'],
    ],
    ['too many items', one({ forEach: Array.from({ length: 100_001 }, (_, i) => i) }), ['steps[0].forEach limit_exceeded']],
    ['a compensation that waits', one({ compensate: { task: 'sleep', with: { duration: 1 } } }), ['steps[0].compensate.task invalid_definition']],
    ['a compensation without a task', one({ compensate: {} }), ['steps[0].compensate invalid_definition']],
    ['a compensation of text', one({ compensate: 'undo' }), ['steps[0].compensate invalid_definition']],
    [
      'an onFailure step',
      one({}, { onFailure: [{ task: 'sleep', with: { duration: 1 }, needs: ['a'], when: 'one_failed', forEach: [1], compensate: { task: 'log' } }] }),
      [
        'onFailure[0].task invalid_definition',
        'onFailure[0].needs invalid_definition',
        'onFailure[0].when invalid_definition',
        'onFailure[0].forEach invalid_definition',
        'onFailure[0].compensate invalid_definition',
      ],
    ],
  ])('%s', (_, raw, expected) => {
    expect(faultsOf(raw)).toEqual(expected);
  });

  it('checks the names of child workflows where they are known', () => {
    const known = { workflowNames: new Set(['build']) };
    const run = (name: string): JsonObject => one({ task: 'workflow.run', with: { workflow: name } });
    expect(faultsOf(run('build'), known)).toEqual([]);
    expect(faultsOf(run('test'), known)).toEqual([]);
    expect(faultsOf(run('${{ input.w }}'), known)).toEqual([]);
    expect(check(run('biuld'), known).faults).toMatchObject([{ path: 'steps[0].with.workflow', code: 'not_found', nearMatches: ['build'] }]);
    expect(faultsOf(run('biuld'))).toEqual([]);
  });
});

describe('faults of expressions', () => {
  it.each<[string, unknown, string[]]>([
    ['syntax', one(say('${{ 1 + }}')), ['steps[0].with.value invalid_expression']],
    [
      'a status function outside of if',
      one(say('${{ failure() }}'), { output: '${{ success() }}' }),
      ['steps[0].with.value invalid_expression', 'output invalid_expression'],
    ],
    ['an unclosed expression', one(say('${{ 1')), ['steps[0].with.value invalid_expression']],
    ['an unknown root', one(say('${{ inptu.x }}')), ['steps[0].with.value unresolved_reference']],
    ['a root of elsewhere', one(say('${{ schedule.x }}')), ['steps[0].with.value unresolved_reference']],
    ['nested loops in a condition', one({ if: 'input.a.all(x, input.b.all(y, x == y))' }), ['steps[0].if expression_too_costly']],
    ['an unknown step', two(say('${{ steps.c.output }}')), ['steps[1].with.value unresolved_reference']],
    ['no ancestor', workflow([{ id: 'a' }, { id: 'b', ...say('x ${{ steps.a.output }}') }]), ['steps[1].with.value unresolved_reference']],
    ['itself', one(say('${{ steps.a.output }}')), ['steps[0].with.value unresolved_reference']],
    [
      'a step behind it',
      workflow([
        { id: 'a', if: 'steps.b.output' },
        { id: 'b', needs: ['a'] },
      ]),
      ['steps[0].if unresolved_reference'],
    ],
    ['an onFailure step', one(say('${{ steps.z.output }}'), { onFailure: [{ id: 'z', task: 'log' }] }), ['steps[0].with.value unresolved_reference']],
    ['a field of a step', two(say('${{ steps.a.outputs.x }}')), ['steps[1].with.value unresolved_reference']],
    ['a field of the session', one(say('${{ session.id }}')), ['steps[0].with.value unresolved_reference']],
    ['a field of the execution', one(say('${{ execution.name }}')), ['steps[0].with.value unresolved_reference']],
    ['item without forEach', one(say('${{ item.x }}')), ['steps[0].with.value unresolved_reference']],
    ['item in forEach and if', one({ forEach: '${{ item }}', if: 'index > 1' }), ['steps[0].if unresolved_reference', 'steps[0].forEach unresolved_reference']],
    [
      'item in a compensation',
      one({ forEach: [1], compensate: { task: 'log', with: { message: '${{ item }}' } } }),
      ['steps[0].compensate.with.message unresolved_reference'],
    ],
    ['a secret in a condition', one({ if: "secrets.A == 'x'" }), ['steps[0].if unresolved_reference']],
    ['a secret in a wait', one({ task: 'wait.signal', with: { name: '${{ secrets.A }}' } }), ['steps[0].with.name unresolved_reference']],
    ['a secret in the output', one({}, { output: { x: ['${{ secrets.A }}'] } }), ['output.x[0] unresolved_reference']],
    ['a step in a key', one({}, { concurrency: { key: '${{ steps.a.output }}' } }), ['concurrency.key unresolved_reference']],
    ['an unknown step in the output', one({}, { output: '${{ steps.b.output }}' }), ['output unresolved_reference']],
    ['an onFailure step in the output', one({}, { output: '${{ steps.z.output }}', onFailure: [{ id: 'z', task: 'log' }] }), ['output unresolved_reference']],
    [
      'a later onFailure step',
      one(
        {},
        {
          onFailure: [
            { id: 'y', task: 'log', with: { message: '${{ steps.z.status }}' } },
            { id: 'z', task: 'log' },
          ],
        },
      ),
      ['onFailure[0].with.message unresolved_reference'],
    ],
    ['an input that the schema refuses', one(say('${{ input.rpeo }}'), { input: closed }), ['steps[0].with.value unresolved_reference']],
    [
      'several in one text',
      one(say('${{ steps.x.output }} ${{ item }} ${{ nope }}')),
      ['steps[0].with.value unresolved_reference', 'steps[0].with.value unresolved_reference', 'steps[0].with.value unresolved_reference'],
    ],
    ['odd keys', one({ with: { value: { 'a b': [{ 'x/y': '${{ nope }}' }] } } }), ['steps[0].with.value["a b"][0]["x/y"] unresolved_reference']],
    [
      'steps as a mapping',
      { name: 'w', steps: { a: { task: 'echo', parameters: { value: '${{ steps.b.output }}' } } } },
      ['steps.a.parameters.value unresolved_reference'],
    ],
  ])('%s', (_, raw, expected) => {
    expect(faultsOf(raw)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    [
      'ancestors, near and far',
      workflow([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['b'], if: 'steps.a.output > steps.b.output', ...say('${{ steps.a.status }}') }]),
    ],
    ['step names with a hyphen', workflow([{ id: 'a-b' }, { id: 'c', needs: ['a-b'], ...say('${{ steps.a-b.output + steps["a-b"].output }}') }])],
    ['items and secrets in tasks', one({ forEach: '${{ input.list }}', ...say('${{ item.x }} ${{ index }} ${{ secrets.TOKEN }}') })],
    ['items for child workflows', one({ task: 'workflow.run', with: { workflow: 'x', input: { i: '${{ item }}' } }, forEach: [1] })],
    ['a compensation that reads its step', one({ compensate: { task: 'log', with: { message: '${{ steps.a.output }} ${{ secrets.T }}' } } })],
    [
      'onFailure steps that read all',
      one(
        {},
        {
          onFailure: [
            { id: 'x', task: 'log', if: "steps.a.status == 'failed'", with: { message: '${{ execution.error.code }}' } },
            { task: 'log', with: { message: '${{ steps.x.output }}' } },
          ],
        },
      ),
    ],
    ['an onFailure step that asks for failure', one({}, { onFailure: [{ task: 'log', if: 'failure()' }] })],
    ['open input', one(say('${{ input.other }}'), { input: { type: 'object', properties: { repo: {} }, additionalProperties: true } })],
    ['input spread over subschemas', one(say('${{ input.other }}'), { input: { allOf: [{ properties: { other: {} } }], additionalProperties: false } })],
    ['keys and session context', one(say('${{ session.context.x }}'), { concurrency: { key: 'k-${{ input.repo }}' } })],
    [
      'waits',
      workflow([
        { id: 'a', task: 'sleep', with: { duration: '1s' } },
        { id: 'b', task: 'sleepUntil', with: { until: '2027-01-31T09:00:00+01:00' }, timeout: '1d' },
        { id: 'c', task: 'wait.signal', with: { name: 'go-${{ input.x }}' }, needs: ['a'], when: 'one_success' },
        { id: 'd', task: 'wait.approval', with: { message: 'ok?', details: { a: '${{ steps.a.output }}' } }, needs: ['a'], deadline: '2d' },
        { id: 'e', task: 'wait.event', with: { event: 'x', match: { a: '${{ input.x }}' } } },
        { id: 'f', task: 'emit', with: { event: 'x' } },
      ]),
    ],
  ])('allows %s', (_, raw) => {
    expect(faultsOf(raw)).toEqual([]);
  });

  it('warns about inputs that the schema does not name and braces without effect', () => {
    const raw = workflow(
      [
        { id: 'a', ...say('${{ input.rpeo }}') },
        { id: 'b', ...say('{{ input.repo }}') },
      ],
      { input: { properties: { repo: {} } } },
    );
    const { faults, warnings } = check(raw);
    expect(faults).toEqual([]);
    expect(warnings).toMatchObject([{ path: 'steps[0].with.value', nearMatches: ['repo'] }, { path: 'steps[1].with.value' }]);
  });

  it('reports the faults of the input schema with the others', () => {
    const checkInputSchema = (): [{ path: string; code: string; message: string }] => [{ path: 'input.type', code: 'invalid_definition', message: 'wrong' }];
    expect(faultsOf(one({ task: 'x' }, { input: { type: 'x' } }), { checkInputSchema })).toEqual([
      'input.type invalid_definition',
      'steps[0].task unknown_task_type',
    ]);
  });
});

describe('the words', () => {
  it('names what was meant', () => {
    const text = formatFaults(
      check(workflow([{ id: 'fetch' }, { id: 'send', neds: ['fetch'], ...say('${{ steps.fetsh.output }} ${{ steps.fetch.output }}') }])).faults,
    );
    expect(text.split('\n')).toEqual([
      'steps[1].neds: There is no field neds here. (did you mean needs?)',
      'steps[1].with.value: There is no step fetsh. (did you mean fetch?)',
      'steps[1].with.value: send reads steps.fetch, but does not wait for it: fetch is not among what send needs. (expected needs: [fetch] in step send)',
    ]);
  });

  it('prints the shortest circle, and both ends of a long one', () => {
    const knot = workflow([
      { id: 'a', needs: ['b', 'c'] },
      { id: 'b', needs: ['c'] },
      { id: 'c', needs: ['d'] },
      { id: 'd', needs: ['a'] },
    ]);
    expect(check(knot).faults).toMatchObject([
      { path: 'steps[3].needs[0]', message: 'The steps need each other in a circle: a -> c -> d -> a (-> is needs).' },
    ]);
    const ring = Array.from({ length: 30 }, (_, i) => ({ id: `s${i}`, needs: [`s${(i + 1) % 30}`] }));
    expect(check(workflow(ring)).faults[0]?.message).toContain('s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> (18 more) -> s24 -> ');
  });

  it('shortens endless lists, for people and in store', () => {
    const many = workflow(Array.from({ length: 2_000 }, (_, i) => ({ id: `s${i}`, task: 'nothing' })));
    const { faults } = check(many);
    expect(faults).toHaveLength(MAX_FAULTS + 1);
    expect(faults.at(-1)?.message).toBe('and 1000 more faults.');
    expect(formatFaults(faults).split('\n')).toHaveLength(51);
  });

  it('clips what the user wrote at length', () => {
    const { faults } = check(one({ ['x'.repeat(50_000)]: 1 }));
    expect(faults).toHaveLength(1);
    expect(JSON.stringify(faults).length).toBeLessThan(3_500);
  });

  it('becomes an error that carries all faults', () => {
    const { faults } = check(
      workflow([
        { id: 'a', task: 'ehco' },
        { id: 'b', needs: ['z'] },
      ]),
    );
    const error = definitionError(faults);
    expect(toErrorData(error)).toMatchObject({ code: 'invalid_definition', path: 'steps[1].needs[0]', retryable: false, details: { faults } });
    expect(error.message).toContain('2 faults');
    expect(definitionError([]).message).toContain('0 faults');
  });
});
