// Owns how any reply looks that has no form of its own: names and values aligned, lists of things as tables, times as people say them.
import { formatDuration } from '../../domain/duration.ts';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { jsonLines } from './json-text.ts';
import { inStatusColor, sign } from './symbols.ts';
import { tableLines } from './table.ts';
import { bytesText, type Colors, fromNow, oneLine, padEnd } from './text.ts';
import { objects, text } from './wire.ts';

interface Screen {
  readonly now: number;
  readonly width: number;
  readonly colors: Colors;
}

/** Members that speak to a program: what to call next, and where a page ends. */
const NOT_SHOWN = new Set(['next', 'next_cursor', 'truncated', 'replayed']);
const VALUES = new Set(['input', 'output', 'result', 'payload', 'context', 'metadata', 'input_schema', 'definition']);
const VALUE_LINES = 40;

export function recordLines(data: JsonObject, screen: Screen): string[] {
  const entries = Object.entries(data).filter(
    ([key, value]) => !NOT_SHOWN.has(key) && value !== null && !(typeof value === 'object' && Object.keys(value).length === 0),
  );
  const short = entries.filter(([key, value]) => !isBlock(key, value));
  const width = Math.max(0, ...short.map(([key]) => label(key).length));
  const { colors: c } = screen;
  const lines = short.map(([key, value]) => `${c.dim(padEnd(label(key), width))}  ${valueText(key, value, screen)}`);
  for (const [key, value] of entries) if (isBlock(key, value)) lines.push('', c.bold(label(key)), ...blockLines(value, screen));
  return lines;
}

/** The value says its unit. */
function label(key: string): string {
  return key.replace(/_ms$/, '').replaceAll('_', ' ');
}

function isBlock(key: string, value: Json): boolean {
  if (VALUES.has(key)) return typeof value === 'object';
  return Array.isArray(value) && value.every(isJsonObject);
}

function blockLines(value: Json, screen: Screen): string[] {
  const rows = Array.isArray(value) ? objects(value) : [];
  if (!Array.isArray(value) || rows.length === 0) return jsonLines(value, screen.colors, { limit: VALUE_LINES, more: '--json shows all' });
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 8);
  const columns = keys.map((key, at) => ({ title: label(key), text: (row: JsonObject) => cellText(key, row, screen), flexible: at === keys.length - 1 }));
  return tableLines(rows, columns, screen.colors, screen.width - 2).map((line) => `  ${line}`);
}

function cellText(key: string, row: JsonObject, { now }: Screen): string {
  const value = row[key];
  if (isJsonObject(value) && typeof value.code === 'string') return `${value.code}: ${text(value, 'message')}`;
  if (/(?:_at|^until|^at)$/.test(key) && typeof value === 'string') return fromNow(Date.parse(value), now);
  if (key.endsWith('_ms') && typeof value === 'number') return formatDuration(value);
  if (Array.isArray(value)) return value.map((each) => (typeof each === 'object' ? JSON.stringify(each) : String(each))).join(', ');
  return text(row, key);
}

function valueText(key: string, value: Json, { colors: c, now }: Screen): string {
  if (key === 'status' && typeof value === 'string') return `${sign(value, c)} ${inStatusColor(value, value, c)}`;
  if (/(?:_at|^until)$/.test(key) && typeof value === 'string' && !Number.isNaN(Date.parse(value)))
    return `${value}  ${c.dim(fromNow(Date.parse(value), now))}`;
  if (key.endsWith('_ms') && typeof value === 'number') return formatDuration(value);
  if (key === 'bytes' && typeof value === 'number') return bytesText(value);
  if (isJsonObject(value)) return key === 'error' ? c.red(oneLine(`${text(value, 'code')}: ${text(value, 'message')}`)) : oneLine(memberText(value));
  if (Array.isArray(value)) return oneLine(value.map((each) => (typeof each === 'object' ? JSON.stringify(each) : String(each))).join(', '));
  return oneLine(String(value));
}

function memberText(value: JsonObject): string {
  return Object.entries(value)
    .filter(([, member]) => member !== 0)
    .map(([key, member]) => `${key.replaceAll('_', ' ')} ${typeof member === 'object' ? JSON.stringify(member) : String(member)}`)
    .join(', ');
}
