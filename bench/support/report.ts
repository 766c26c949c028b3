// Owns how figures are shown: a table for people, JSON for programs.
import type { Machine } from './machine.ts';
import type { Figure } from './scenario.ts';

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
  readonly figures: readonly Figure[];
  /** Why there are no figures. */
  readonly skipped?: string | undefined;
}

export function asJson(machine: Machine, scenarios: readonly ScenarioReport[]): string {
  const targets = scenarios.flatMap(({ figures }) => figures).filter((figure) => figure.target !== undefined);
  return JSON.stringify(
    { machine, targets: { reached: targets.filter((figure) => figure.target?.reached).length, of: targets.length }, scenarios },
    (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value),
  );
}

export function machineLine(m: Machine): string {
  return `Node ${m.node}, ${m.platform}, ${m.cores} cores (${m.cpu}), durability ${m.durability}, one fsync ${m.fsyncMs} ms\n`;
}

export function asTable({ title, figures, seconds, skipped }: ScenarioReport): string {
  if (skipped !== undefined) return `\n${title}\n  skipped: ${skipped}\n`;
  const rows = figures.map((figure) => [
    figure.name,
    `${shown(figure.value)} ${figure.unit}`,
    figure.compared === undefined ? '' : `${figure.compared.ratio.toFixed(2)} x ${figure.compared.with} (${shown(figure.compared.value)})`,
    figure.target === undefined ? '' : `${figure.target.reached ? 'reached' : 'MISSED '} ${figure.target.text}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    `  ${row.map((cell, column) => (column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ')}`.trimEnd(),
  );
  return `\n${title} (${seconds.toFixed(1)} s)\n${lines.join('\n')}\n`;
}

function shown(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
