// Owns how a plan looks: its levels from first to last, then what bounds its duration.
import type { PlanFacts } from '../plan-facts.ts';
import { type Colors, clip, count, oneLine, padEnd, padStart, widthOf } from './text.ts';

const LEVELS_SHOWN = 30;
const STEPS_SHOWN = 12;
const CHAIN_SHOWN = 12;

export function planLines(facts: PlanFacts, colors: Colors, width: number): string[] {
  const c = colors;
  const all = facts.levels.flat();
  const idWidth = Math.min(32, Math.max(...all.map((step) => widthOf(step.id))));
  const taskWidth = Math.min(24, Math.max(...all.map((step) => widthOf(step.task))));
  const lines = [
    `${c.bold(oneLine(facts.name))}  ${c.dim(`${count(facts.steps, 'step')} in ${count(facts.levels.length, 'level')}  ${facts.hash.slice(0, 12)}`)}`,
    '',
  ];
  for (const [at, level] of facts.levels.slice(0, LEVELS_SHOWN).entries()) {
    for (const [i, step] of level.slice(0, STEPS_SHOWN).entries()) {
      const label = i === 0 ? padStart(String(at + 1), 4) : '    ';
      const facts = [step.for_each ? '× each item' : '', step.needs.length === 0 ? '' : `needs ${step.needs.join(', ')}`]
        .filter((part) => part !== '')
        .join('  ');
      const room = width - idWidth - taskWidth - 10;
      lines.push(
        `${c.dim(label)}  ${padEnd(clip(step.id, idWidth), idWidth)}  ${c.cyan(padEnd(clip(step.task, taskWidth), taskWidth))}  ${c.dim(clip(facts, room))}`.trimEnd(),
      );
    }
    if (level.length > STEPS_SHOWN) lines.push(c.dim(`      … and ${count(level.length - STEPS_SHOWN, 'more step')} of this level`));
  }
  if (facts.levels.length > LEVELS_SHOWN) lines.push(c.dim(`      … and ${count(facts.levels.length - LEVELS_SHOWN, 'more level')}; --json lists all`));
  const row = (label: string, text: string): number => lines.push(`  ${c.dim(padEnd(label, 13))}  ${text}`);
  lines.push('');
  row('longest chain', `${count(facts.longest_chain.length, 'step')}  ${c.dim(chainText(facts.longest_chain))}`);
  row(
    'widest level',
    `${count(facts.widest_level, 'step')} at once${facts.max_parallel === null ? '' : c.dim(`, at most ${facts.max_parallel} by maxParallel`)}`,
  );
  const counts = [
    [facts.for_each, 'step that runs per item', 'steps that run per item'],
    [facts.approvals, 'approval', 'approvals'],
    [facts.conditional, 'condition', 'conditions'],
    [facts.compensations, 'compensation', 'compensations'],
    [facts.on_failure, 'step on failure', 'steps on failure'],
  ] as const;
  const present = counts.filter(([n]) => n > 0).map(([n, one, many]) => count(n, one, many));
  if (present.length > 0) row('has', present.join(', '));
  if (facts.requires.length > 0) row('requires', facts.requires.join(', '));
  for (const [at, need] of facts.worker_agents.entries()) row(at === 0 ? 'worker agents' : '', need);
  return lines;
}

function chainText(chain: readonly string[]): string {
  if (chain.length <= CHAIN_SHOWN) return chain.join(' → ');
  const half = CHAIN_SHOWN / 2;
  return [...chain.slice(0, half), '…', ...chain.slice(-half)].join(' → ');
}
