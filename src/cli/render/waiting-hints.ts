// Owns telling a person what a waiting run wants from them: the exact command that answers it.
import type { RunView } from './progress.ts';
import { type Colors, oneLine } from './text.ts';

const SHOWN = 3;

export function waitingHints(run: RunView, colors: Colors): string[] {
  const hints = run.steps.flatMap((step) => {
    if (step.wait?.kind === 'approval') return [`approve with: logistics-mcp control ${run.id} approve --step ${step.id} --digest ${step.wait.digest}`];
    if (step.wait?.kind === 'signal') return [`signal with: logistics-mcp control ${run.id} signal --signal ${JSON.stringify(oneLine(step.wait.name))}`];
    return [];
  });
  if (hints.length === 0) return [];
  const lines = hints.slice(0, SHOWN).map((hint) => `  ${colors.dim('→')} ${hint}`);
  if (hints.length > SHOWN) lines.push(colors.dim(`  … and ${hints.length - SHOWN} more`));
  return ['', ...lines];
}
