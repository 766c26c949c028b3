// Owns how the query of an address becomes arguments: each parameter once, known by name, and of the type that the schema says.
import { inputSchemaOf } from '../../../tools/json-schema.ts';
import type { SchemaNode } from '../../../tools/reference/markdown.ts';
import type { ToolSpec } from '../../../tools/tool.ts';
import { LogisticsError } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import { nearMatches } from '../../domain/near-match.ts';

/** The parameters of a query; throws invalid_input for one that is given twice or is none of `known`. */
export function readQuery(url: string, known: readonly string[]): ReadonlyMap<string, string> {
  const at = url.indexOf('?');
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(at < 0 ? '' : url.slice(at + 1))) {
    if (given.has(name)) throw new LogisticsError('invalid_input', `The query parameter ${shown(name)} is given twice.`, { path: name, expected: 'it once' });
    if (!known.includes(name))
      throw new LogisticsError('invalid_input', `There is no query parameter ${shown(name)} here.`, {
        path: name.slice(0, 100),
        expected: known.length === 0 ? 'no query' : `one of ${known.join(', ')}`,
        nearMatches: nearMatches(name.slice(0, 100), known),
      });
    given.set(name, value);
  }
  return given;
}

/** Arguments of a tool from a query; `places` says where each parameter goes. */
export function queryArguments(url: string, tool: ToolSpec, places: Readonly<Record<string, string>>): JsonObject {
  const args: Record<string, Json> = {};
  for (const [name, text] of readQuery(url, Object.keys(places))) {
    const path = (places[name] as string).split('.');
    const [head, member] = path as [string, string | undefined];
    const value = asTyped(text, nodeAt(tool, path));
    if (member === undefined) args[head] = value;
    else args[head] = { ...(args[head] as JsonObject | undefined), [member]: value };
  }
  return args;
}

/** What the schema of a tool says about one of its arguments. */
export function nodeAt(tool: ToolSpec, path: readonly string[]): SchemaNode {
  let node = inputNode(tool);
  for (const name of path) node = node.properties?.[name] ?? {};
  return node;
}

const nodes = new WeakMap<ToolSpec, SchemaNode>();

/** Once per tool: to make it costs milliseconds. */
function inputNode(tool: ToolSpec): SchemaNode {
  const known = nodes.get(tool);
  if (known !== undefined) return known;
  const made = inputSchemaOf(tool) as SchemaNode;
  nodes.set(tool, made);
  return made;
}

/** What does not look like the type stays text, for the parser to name. */
function asTyped(text: string, { type }: SchemaNode): Json {
  if ((type === 'integer' || type === 'number') && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
