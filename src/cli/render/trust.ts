// Owns how trust reads: what the file would allow, then whether that is recorded.
import type { Allowance } from '../trust-allowances.ts';
import { type Colors, oneLine } from './text.ts';

export interface TrustView {
  readonly file: string;
  /** Its content is code and was not looked into. */
  readonly code: boolean;
  readonly allowed: readonly Allowance[];
  readonly covers: readonly string[];
  readonly dryRun: boolean;
}

export function trustLines(view: TrustView, c: Colors): string[] {
  const lines = [c.bold(view.file), ''];
  if (view.code) lines.push(`  ${c.yellow('!')} It is a program: trusting it runs its code, and everything that it sets acts.`);
  else if (view.allowed.length === 0) lines.push('  It sets nothing that needs trust; all of it acts already.');
  for (const { key, items } of view.allowed) lines.push(`  ${c.bold(key)}`, ...items.map((item) => `    ${c.yellow('•')} ${oneLine(item)}`));
  if (view.dryRun) return [...lines, '', c.dim('Nothing was recorded.')];
  const covered = view.covers.length === 1 ? 'this file' : `${view.covers.length} files`;
  return [
    ...lines,
    '',
    `${c.green('✓')} Trusted as it is now: ${covered}. A change ends the trust.`,
    ...view.covers.slice(1).map((path) => `  ${c.dim('covers')} ${path}`),
  ];
}
