// Owns how an error is told to a person: code and message, where, what was expected, what was meant, what to do.
import type { ErrorData } from '../../domain/errors.ts';
import { isJsonObject } from '../../domain/json.ts';
import { type FaultText, faultLines } from './faults.ts';
import { type Colors, clip, stripControls } from './text.ts';

const LONGEST = 300;

/** Faults of a definition or a configuration are listed one by one instead of inside the message. */
export function errorLines(error: ErrorData, colors: Colors): string[] {
  const faults = faultsOf(error);
  const head = stripControls(faults.length > 1 ? (error.message.split('\n', 1)[0] as string) : error.message);
  const lines = [`${colors.bold(colors.red(`${error.code}:`))} ${head}`];
  if (faults.length > 1) lines.push(...faultLines(faults, colors));
  else lines.push(...detailLines(error, head, colors));
  for (const action of error.nextActions.filter((each) => !/^did you mean/i.test(each))) lines.push(`  ${colors.dim('→')} ${stripControls(action)}`);
  return lines;
}

function detailLines(error: ErrorData, head: string, colors: Colors): string[] {
  const near = error.nearMatches ?? [];
  const lines: string[] = [];
  const row = (label: string, text: string): number => lines.push(`  ${colors.dim(label.padEnd(9))} ${stripControls(text)}`);
  if (error.path !== undefined && error.path !== '' && !head.includes(error.path)) row('at', error.path);
  if (error.expected !== undefined && !head.includes(error.expected)) row('expected', clip(error.expected, LONGEST));
  if (near.length > 0 && !head.includes('did you mean'))
    lines.push(`  ${colors.dim('did you mean')} ${colors.bold(near.map(stripControls).join(' or '))}${colors.dim('?')}`);
  return lines;
}

function faultsOf(error: ErrorData): FaultText[] {
  const details = error.details;
  if (!isJsonObject(details) || !Array.isArray(details.faults)) return [];
  return (details.faults as readonly unknown[]).filter((fault): fault is FaultText => isJsonObject(fault) && typeof fault.message === 'string');
}
