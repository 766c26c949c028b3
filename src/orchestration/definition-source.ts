// Owns the way from text to a raw definition: YAML or JSON, bounded, every syntax error with its line and column.
import { createRequire } from 'node:module';
import type { DefinitionFault } from '../domain/workflow-definition.ts';
import { JsonSyntaxError, parseJsonSource } from './json-source.ts';

export const MAX_SOURCE_BYTES = 8 * 1024 * 1024;
/** How often aliases may be expanded; a few lines of nested aliases could otherwise fill the memory. */
const MAX_ALIASES = 200;
const MAX_ERRORS = 20;

export interface ParsedSource {
  /** What the text says; undefined when there are faults. */
  readonly value: unknown;
  /** Paths are `line 3, column 5`. */
  readonly faults: readonly DefinitionFault[];
}

type Yaml = typeof import('yaml');

/**
 * Reads a definition. `auto` takes texts that look like JSON as JSON first; as YAML is nearly a superset, one that is
 * only sloppy JSON is still read, but a text that is neither is told its JSON error.
 */
export function parseDefinitionText(text: string, format: 'auto' | 'json' | 'yaml' = 'auto'): ParsedSource {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_SOURCE_BYTES) {
    return failed([fault('', `The text has ${bytes} bytes.`, `at most ${MAX_SOURCE_BYTES / 1024 / 1024} MiB`, 'limit_exceeded')]);
  }
  if (text.trim() === '') return failed([fault('', 'The text is empty.', 'a workflow definition in YAML or JSON')]);
  const looksLikeJson = /^\uFEFF?\s*(?:\{\s*["}]|\[)/.test(text);
  if (format === 'yaml' || (format === 'auto' && !looksLikeJson)) return parseYaml(text);
  const json = parseJson(text);
  if (format === 'json' || json.faults.length === 0 || /written twice/.test(json.faults[0]?.message ?? '')) return json;
  const yaml = parseYaml(text);
  return yaml.faults.length === 0 ? yaml : json;
}

function parseJson(text: string): ParsedSource {
  try {
    return { value: parseJsonSource(text), faults: [] };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return failed([fault(placeOf(text, error.offset), `${error.message}.`)]);
  }
}

function parseYaml(text: string): ParsedSource {
  // Loaded at first use: it costs a start 15 ms, and most definitions come as objects.
  const yaml = createRequire(import.meta.url)('yaml') as Yaml;
  try {
    // The parser's own positions and its search for keys written twice take quadratic time; both are done here instead.
    const document = yaml.parseDocument(text, { version: '1.2', merge: true, uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
    const problems = [...document.errors, ...document.warnings].slice(0, MAX_ERRORS);
    const faults = problems.length > 0 ? yamlFaults(problems, text) : keyFaults(yaml, document, text);
    return faults.length > 0 ? failed(faults) : { value: document.toJS({ maxAliasCount: MAX_ALIASES }), faults: [] };
  } catch (error) {
    if (error instanceof RangeError) return failed([DEPTH_FAULT]);
    if (error instanceof ReferenceError) return failed([aliasFault(error.message, text)]);
    throw error;
  }
}

const DEPTH_FAULT = fault('', 'The text is nested too deeply.', undefined, 'limit_exceeded');
const QUOTE_HINT = 'quotes around an expression: "${{ input.x }}"';

/** Keys written twice, and keys that are no texts: `{{ x }}` without quotes is a mapping whose key is a mapping. */
function keyFaults(yaml: Yaml, document: ReturnType<Yaml['parseDocument']>, text: string): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  yaml.visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (faults.length >= MAX_ERRORS) return yaml.visit.BREAK;
        const offset = yaml.isNode(key) ? (key.range?.[0] ?? 0) : 0;
        if (!yaml.isScalar(key)) {
          faults.push(fault(placeOf(text, offset), 'A key is no text.', QUOTE_HINT));
          continue;
        }
        const name = String(key.value);
        if (seen.has(name) && name !== '<<') faults.push(fault(placeOf(text, offset), `The key ${JSON.stringify(name)} is written twice.`));
        seen.add(name);
      }
      return undefined;
    },
  });
  return faults;
}

interface YamlProblem {
  readonly message: string;
  readonly pos: readonly [number, number];
}

function yamlFaults(problems: readonly YamlProblem[], text: string): DefinitionFault[] {
  if (problems.some(({ message }) => message.startsWith('Maximum call stack'))) return [DEPTH_FAULT];
  return problems.map(({ message, pos: [offset] }) => {
    const place = placeOf(text, offset);
    if (message.startsWith('Source contains multiple documents')) return fault(place, 'The text holds several documents.', 'one document, without a line ---');
    const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset + 200).split('\n', 1)[0] as string;
    return fault(place, `${firstLine(message).replace(/\.$/, '')}.`, line.includes('{{') ? QUOTE_HINT : undefined);
  });
}

/** The parser finds a missing anchor, and too many aliases, only while it makes values, and then without a place. */
function aliasFault(message: string, text: string): DefinitionFault {
  const name = /^Unresolved alias .*: (\S+)$/.exec(message)?.[1];
  if (name === undefined) return fault('', `${firstLine(message)}.`, 'fewer or smaller aliases', 'limit_exceeded');
  return fault(
    placeOf(text, Math.max(0, text.indexOf(`*${name}`))),
    `There is no anchor &${name} before this alias.`,
    'quotes around a text that starts with *',
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${(before[before.length - 1] as string).length + 1}`;
}

function fault(path: string, message: string, expected?: string, code = 'invalid_definition'): DefinitionFault {
  return { path, code, message, ...(expected === undefined ? {} : { expected }) };
}

function failed(faults: readonly DefinitionFault[]): ParsedSource {
  return { value: undefined, faults };
}
