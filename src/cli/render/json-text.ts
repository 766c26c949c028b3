// Owns values as people read them: indented JSON, texts with line breaks as they are, cut where it would fill the screen.
import type { Json } from '../../domain/json.ts';
import { type Colors, stripControls } from './text.ts';

export function jsonLines(value: Json, colors: Colors, options: { readonly limit: number; readonly more: string }): string[] {
  const text = typeof value === 'string' ? stripControls(value) : JSON.stringify(value, null, 2);
  const lines = text.split('\n').map((line) => `  ${line}`);
  if (lines.length <= options.limit) return lines;
  return [...lines.slice(0, options.limit), colors.dim(`  … ${lines.length - options.limit} more lines: ${options.more}`)];
}
