// Owns reading definitions from text and code: YAML, JSON and defineWorkflow() give one hash, errors say line and column.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkflowValidationError } from '../../src/domain/errors.ts';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import type { WorkflowDefinition } from '../../src/domain/workflow-definition.ts';
import { defineWorkflow } from '../../src/orchestration/define-workflow.ts';
import { hashDefinition } from '../../src/orchestration/definition-hash.ts';
import { MAX_SOURCE_BYTES, parseDefinitionText } from '../../src/orchestration/definition-source.ts';

const YAML = `
name: release-notes
version: 2
input: {type: object, properties: {repo: {type: string}}, required: [repo]}
concurrency: {key: "\${{ input.repo }}"}
timeout: 1h
steps:
  - id: commits
    task: http.request
    with: {url: "https://example.org/\${{ input.repo }}/commits"}
    retry: {maxAttempts: 5, initialInterval: 1s}
  - id: report
    depends_on: commits
    for_each: steps.commits.output.items
    tolerate_failures: 5%
    task: log
    with:
      message: "\${{ item.message }}"
output: {notes: "\${{ steps.report.output }}"}
onFailure: [{task: log}]
`;

const CODE = defineWorkflow({
  name: 'release-notes',
  input: { type: 'object', properties: { repo: { type: 'string' } }, required: ['repo'] },
  concurrency: { key: '${{ input.repo }}', limit: 1, onLimit: 'queue' },
  timeout: 3_600_000,
  steps: [
    { id: 'commits', task: 'http.request', with: { url: 'https://example.org/${{ input.repo }}/commits' }, retry: { maxAttempts: 5, initialInterval: '1s' } },
    {
      id: 'report',
      needs: ['commits'],
      task: 'log',
      with: { message: '${{ item.message }}' },
      forEach: '${{steps.commits.output.items}}',
      tolerateFailures: '5%',
      continueOnError: false,
    },
  ],
  output: { notes: '${{ steps.report.output }}' },
  onFailure: [{ task: 'log' }],
});

function hashOf(raw: unknown): string {
  return hashDefinition(normaliseDefinition(raw).definition as WorkflowDefinition);
}

const told = (text: string, format?: 'json' | 'yaml'): string[] => parseDefinitionText(text, format).faults.map((fault) => `${fault.path}: ${fault.message}`);

describe('one workflow, one hash', () => {
  it('YAML, JSON, code and steps as a mapping', () => {
    const fromYaml = parseDefinitionText(YAML).value as { steps: { id: string }[] };
    const hash = hashOf(fromYaml);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf(CODE)).toBe(hash);
    expect(hashOf(parseDefinitionText(JSON.stringify(fromYaml, null, 2)).value)).toBe(hash);
    expect(hashOf({ ...fromYaml, steps: Object.fromEntries(fromYaml.steps.map(({ id, ...step }) => [id, step])) })).toBe(hash);
    expect(hashOf(normaliseDefinition(fromYaml).definition)).toBe(hash);
    expect(hashOf({ ...fromYaml, version: 9 })).toBe(hash);
    expect(hashOf({ ...fromYaml, timeout: '2h' })).not.toBe(hash);
  });

  it('defineWorkflow gives a frozen value of its own', () => {
    expect(Object.isFrozen(CODE) && Object.isFrozen(CODE.steps[0]?.with)).toBe(true);
    const steps = [{ id: 'a', task: 'log' }];
    const defined = defineWorkflow({ name: 'w', steps });
    (steps[0] as { task: string }).task = 'echo';
    expect(defined.steps[0]?.task).toBe('log');
  });

  it('defineWorkflow throws all faults of the structure', () => {
    const make = (): unknown =>
      // @ts-expect-error a need of a step that is not there
      defineWorkflow({ name: 'w w', steps: [{ id: 'a', task: 'log', needs: ['b'], timeout: 'soon' }] });
    expect(make).toThrow(WorkflowValidationError);
    expect(make).toThrow(/2 faults:[\s\S]*steps\[0\]\.timeout[\s\S]*name/);
  });
});

describe('texts', () => {
  it.each<[string, string]>([
    ['{"name": "w", "steps": [}', 'line 1, column 25: "}" does not fit here (expected a value).'],
    ['{\n  "name": "w"\n  "steps": []\n}', 'line 3, column 3: "\\"" does not fit here (expected , or }).'],
    ['{"a": 1,}', 'line 1, column 9: There is a comma before } (expected no comma behind the last member).'],
    ['[1,]', 'line 1, column 4: There is a comma before ] (expected no comma behind the last element).'],
    ['[1 2]', 'line 1, column 4: "2" does not fit here (expected , or ]).'],
    ['{"a" 1}', 'line 1, column 6: "1" does not fit here (expected : behind a key).'],
    ['{a: 1}', 'line 1, column 2: "a" does not fit here (expected a key in double quotes).'],
    ["{'a': 1}", 'line 1, column 2: JSON texts stand in double quotes (expected a key in double quotes).'],
    ['{"a": undefined}', 'line 1, column 7: "undefined" does not fit here (expected a value).'],
    ['{"a": 01}', 'line 1, column 7: This is no JSON number (expected digits such as 12, -3.5 or 1e6).'],
    ['{"a": "x\ny"}', 'line 1, column 9: A text goes over the end of its line, or holds a control character (expected \\n or \\t).'],
    ['{"a": "\\x"}', 'line 1, column 8: There is an unknown escape in a text (expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000).'],
    ['{"a": "x', 'line 1, column 7: A text has no closing ".'],
    ['{"a": 1', 'line 1, column 8: The text ends too early (expected , or }).'],
    ['{"a": 1} x', 'line 1, column 10: There is something behind the end of the value (expected nothing more).'],
    ['{"a": 1, // why\n "b": 2}', 'line 1, column 10: JSON has no comments (expected a key in double quotes).'],
    ['{"a": 1, "a": 2}', 'line 1, column 10: The key "a" is written twice in one object.'],
    ['['.repeat(100), 'line 1, column 66: It is nested deeper than 64 levels.'],
  ])('JSON: %j', (text, message) => {
    expect(told(text, 'json')).toEqual([message]);
  });

  it('JSON reads what JSON.parse reads, and refuses what it refuses', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.nat(), fc.string({ maxLength: 2 }), (text, at, noise) => {
        const place = at % (text.length + 1);
        for (const source of [text, text.slice(0, place) + noise + text.slice(place)]) {
          let expected: unknown;
          let valid = true;
          try {
            expected = JSON.parse(source);
          } catch {
            valid = false;
          }
          const read = parseDefinitionText(source, 'json');
          if (/twice|nested/.test(read.faults[0]?.message ?? '')) continue;
          expect(read.faults.length === 0).toBe(valid);
          if (valid) expect(read.value).toEqual(expected);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('sloppy JSON is still YAML, real nonsense is told as JSON', () => {
    expect(parseDefinitionText('{"name": "w", "steps": [],}').value).toEqual({ name: 'w', steps: [] });
    expect(parseDefinitionText('{name: w, steps: []}').value).toEqual({ name: 'w', steps: [] });
    expect(parseDefinitionText('\uFEFF{"a": 1}').value).toEqual({ a: 1 });
    expect(told('{"name": "w", "steps": [')).toEqual(['line 1, column 25: The text ends too early (expected a value).']);
    expect(told('{"a": 1, "a": 2}')[0]).toContain('written twice');
  });

  it.each<[string, string, RegExp]>([
    ['a key twice', 'a: 1\na: 2\n', /^line 2, column 1: The key "a" is written twice\.$/],
    ['a bad indent', 'a:\n  - b\n c: 1\n', /^line 3, column/],
    ['several documents', 'a: 1\n---\nb: 2\n', /^line 2, column 1: The text holds several documents\.$/],
    ['an unknown tag', 'a: !run x\n', /^line 1, column 4: Unresolved tag: !run\.$/],
    ['an expression without quotes', 'a: {{ input.x }}\n', /^line 1, column 5: A key is no text\.$/],
    ['an expression without quotes in braces', 'with: {url: ${{ input.x }}}\n', /^line 1, column/],
    ['an unknown alias', 'a: *b\n', /^line 1, column 4: There is no anchor &b before this alias\.$/],
    ['depth', '['.repeat(20_000), /^: The text is nested too deeply\.$/],
    ['depth of lines', '- '.repeat(20_000), /^: The text is nested too deeply\.$/],
  ])('YAML: %s', (_, text, message) => {
    expect(told(text, 'yaml')[0]).toMatch(message);
  });

  it('YAML hints at missing quotes', () => {
    expect(parseDefinitionText('with: {url: ${{ input.x }}}\n').faults[0]?.expected).toContain('quotes');
    expect(parseDefinitionText('a: {{ x }}\n').faults[0]?.expected).toContain('quotes');
  });

  it('YAML aliases and merges work, a bomb of them does not', () => {
    expect(parseDefinitionText('x: &d {task: log}\ny: {<<: *d, id: a}\n').value).toEqual({ x: { task: 'log' }, y: { task: 'log', id: 'a' } });
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefgh'.split('').map((key, i) => `${key}: &${key} [${Array(9).fill(`*${'abcdefg'[i]}`).join(',')}]`)].join(
      '\n',
    );
    expect(parseDefinitionText(bomb).faults).toMatchObject([{ code: 'limit_exceeded' }]);
  });

  it('YAML with very many keys or faults is read in linear time', () => {
    const keys = Array.from({ length: 30_000 }, (_, i) => `k${i}: 1`).join('\n');
    expect(Object.keys(parseDefinitionText(keys).value as object)).toHaveLength(30_000);
    expect(parseDefinitionText('&a '.repeat(30_000)).faults).toHaveLength(20);
  });

  it('empty and huge texts are refused', () => {
    expect(told(' \n')).toEqual([': The text is empty.']);
    expect(parseDefinitionText('x'.repeat(MAX_SOURCE_BYTES + 1)).faults).toMatchObject([{ code: 'limit_exceeded' }]);
  });
});
