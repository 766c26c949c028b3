// Owns how one entry of the log reads as one line, for pipes and records.
import { formatDuration } from '../../domain/duration.ts';
import type { LogisticsEvent } from '../../domain/event.ts';
import { inStatusColor } from './symbols.ts';
import { type Colors, oneLine } from './text.ts';

/** `+1.2s  step completed  fetch  340ms`; null for entries that a reader need not see (single items of a forEach). */
export function eventLine(event: LogisticsEvent, since: number, colors: Colors): string | null {
  if (event.itemIndex !== undefined && event.type !== 'step_retry' && event.type !== 'step_failed') return null;
  const words = event.type.replace('_', ' ');
  const status = words.split(' ')[1] as string;
  const where = event.stepId === undefined ? '' : `  ${event.stepId}${event.itemIndex === undefined ? '' : `[${event.itemIndex}]`}`;
  const facts = factsOf(event);
  const at = `+${seconds(Math.max(0, event.at - since))}`;
  return `${colors.dim(at.padStart(8))}  ${inStatusColor(status, words.padEnd(18), colors)}${where}${facts === '' ? '' : colors.dim(`  ${facts}`)}`.trimEnd();
}

function seconds(ms: number): string {
  return ms < 60_000 ? `${(ms / 1_000).toFixed(2)}s` : formatDuration(ms);
}

function factsOf(event: LogisticsEvent): string {
  const { duration_ms: duration, code, message, reason, task, items, attempt, reused, workflow, approved } = event.data;
  const parts: string[] = [];
  if (typeof workflow === 'string') parts.push(workflow);
  if (typeof task === 'string') parts.push(task);
  if (typeof items === 'number') parts.push(`${items.toLocaleString('en')} items`);
  if (reused === true) parts.push('reused');
  if (typeof attempt === 'number' && event.type === 'step_retry') parts.push(`attempt ${attempt} failed`);
  if (typeof duration === 'number') parts.push(formatDuration(duration));
  if (typeof code === 'string') parts.push(typeof message === 'string' ? `${code}: ${message}` : code);
  else if (typeof message === 'string') parts.push(message);
  if (typeof reason === 'string') parts.push(reason);
  if (typeof approved === 'boolean') parts.push(approved ? 'approved' : 'rejected');
  return oneLine(parts.join('  '));
}
