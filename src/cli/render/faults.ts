// Owns how faults are listed: each with its place, what is wrong, what was expected and what was meant.
import { type Colors, stripControls } from './text.ts';

/** As definitions, inputs and configurations report them. */
export interface FaultText {
  readonly path?: string;
  readonly message: string;
  readonly expected?: string;
  readonly nearMatches?: readonly string[];
}

const SHOWN = 50;

export function faultLines(faults: readonly FaultText[], colors: Colors, mark = colors.red('✗')): string[] {
  const lines = faults.slice(0, SHOWN).flatMap((fault) => {
    const place = fault.path === undefined || fault.path === '' ? '' : `${colors.bold(stripControls(fault.path))}  `;
    const out = [`  ${mark} ${place}${stripControls(fault.message)}`];
    const near = fault.nearMatches ?? [];
    if (near.length > 0 && !fault.message.includes('did you mean'))
      out.push(`      ${colors.dim('did you mean')} ${near.map(stripControls).join(' or ')}${colors.dim('?')}`);
    if (fault.expected !== undefined && !fault.message.includes(fault.expected)) out.push(`      ${colors.dim('expected')} ${stripControls(fault.expected)}`);
    return out;
  });
  if (faults.length > SHOWN) lines.push(`  … and ${faults.length - SHOWN} more; --json lists all.`);
  return lines;
}
