// Owns how generated Markdown looks, in documents and in reference topics: tables, code, and the JSON Schema of a field as a short type.

/** A Markdown table; cells are escaped, missing ones are empty. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

function cell(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|');
}

export function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

export function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

/** What of a JSON Schema is read here. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly required?: readonly string[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly $ref?: string;
}

/** A short type: `integer 0–100`, `one of a, b`, `list of text (up to 100)`. */
export function typeOf(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => code(String(value))).join(', ');
  if (node.const !== undefined) return code(String(node.const));
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeOf))].join(' or ');
  if (isDuration(node)) return 'duration';
  if (node.$ref !== undefined || node.type === undefined) return 'any JSON';
  if (Array.isArray(node.type)) return node.type.map((type) => PLAIN[type] ?? type).join(' or ');
  if (node.type === 'array') return `list of ${node.items === undefined ? 'any JSON' : typeOf(node.items)}${range(node.minItems, node.maxItems, ' items')}`;
  if (node.format === 'date-time') return 'ISO 8601 time';
  return `${PLAIN[node.type as string] ?? node.type}${range(node.minimum, node.maximum, '')}`;
}

const PLAIN: Readonly<Record<string, string>> = { string: 'text', object: 'object', boolean: 'true or false', integer: 'integer', number: 'number' };

/** Durations are written as text or as ms; the schema says no more of them than that. */
function isDuration({ type, description = '' }: SchemaNode): boolean {
  return Array.isArray(type) && type.join() === 'string,number' && !/body/i.test(description);
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  const high = most === undefined || most >= Number.MAX_SAFE_INTEGER ? undefined : most;
  if (high !== undefined) return ` (${least ?? 0}–${high}${unit})`;
  return least === undefined || least === 0 ? '' : ` (from ${least}${unit})`;
}

/** One row per property: name, type, needed or default, description; objects with properties of their own one level down. */
export function fieldRows(schema: SchemaNode, prefix = ''): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, node]) => {
    const needed = schema.required?.includes(name) === true ? 'yes' : node.default === undefined ? '' : code(JSON.stringify(node.default));
    const row = [code(`${prefix}${name}`), typeOf(node), needed, node.description ?? ''];
    return prefix === '' && node.properties !== undefined ? [row, ...fieldRows(node, `${name}.`)] : [row];
  });
}
