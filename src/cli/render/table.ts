// Owns aligned tables: every column as wide as its content, one column gives way when the screen is narrow.
import { type Colors, clip, oneLine, padEnd, padStart, widthOf } from './text.ts';

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  readonly right?: boolean;
  /** This column is cut when the lines are too long. */
  readonly flexible?: boolean;
  readonly paint?: (text: string, row: T) => string;
}

const GAP = 2;
const NARROWEST = 8;

export function tableLines<T>(rows: readonly T[], columns: readonly Column<T>[], colors: Colors, width: number): string[] {
  const used = columns.filter((column) => rows.some((row) => column.text(row) !== ''));
  const cells = rows.map((row) => used.map((column) => oneLine(column.text(row))));
  const widths = used.map((column, at) => Math.max(widthOf(column.title), ...cells.map((line) => widthOf(line[at] as string))));
  const total = widths.reduce((sum, each) => sum + each + GAP, -GAP);
  const flexible = used.findIndex((column) => column.flexible === true);
  if (total > width && flexible >= 0) widths[flexible] = Math.max(NARROWEST, (widths[flexible] as number) - (total - width));
  const line = (texts: readonly string[], paint: (text: string, at: number) => string): string =>
    texts
      .map((text, at) => {
        const fit = clip(text, widths[at] as number);
        const padded = used[at]?.right === true ? padStart(fit, widths[at] as number) : at === texts.length - 1 ? fit : padEnd(fit, widths[at] as number);
        return paint(padded, at);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [
    line(
      used.map((column) => column.title),
      (text) => colors.dim(text),
    ),
    ...cells.map((texts, row) => line(texts, (text, at) => used[at]?.paint?.(text, rows[row] as T) ?? text)),
  ];
}
