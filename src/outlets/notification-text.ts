// Owns what a person is told of an event: one or two lines that say what, where, and how to decide.
import type { LogisticsEvent } from '../domain/event.ts';
import type { Json } from '../domain/json.ts';
import type { Backend } from '../store/backend.ts';

const MAX_CHARS = 500;

/** Null when there is nothing to decide any more: somebody was quicker than the notification. */
export function notificationText(event: LogisticsEvent, backend: Backend): string | null {
  if (event.type === 'approval_requested') return approvalText(event, backend);
  if (event.type === 'schedule_missed') return missedText(event);
  if (event.type === 'budget_exceeded') return `${placeOf(event, backend)} has used up its budget.${detail(event)}${lookAt(event)}`;
  return `${capital(event.type.replaceAll('_', ' '))}: ${placeOf(event, backend)}.${detail(event)}${lookAt(event)}`;
}

function approvalText(event: LogisticsEvent, backend: Backend): string | null {
  const { executionId, stepId, data } = event;
  if (executionId === undefined || stepId === undefined) return null;
  const wait = backend.getStep({ executionId, stepId })?.wait;
  if (wait?.kind !== 'approval') return null;
  const decide = `logistics-mcp control ${executionId} approve --step ${stepId} --digest ${wait.digest}`;
  return [
    `${placeOf(event, backend)} asks for an approval: ${oneLine(data.message)}`,
    `Until ${new Date(wait.until).toISOString()}. Yes: ${decide}`,
    `No: ${decide} --reject`,
  ].join('\n');
}

function missedText({ data }: LogisticsEvent): string {
  const count = typeof data.count === 'number' ? data.count : 1;
  const planned = typeof data.planned_at === 'number' ? ` planned for ${new Date(data.planned_at).toISOString()}` : '';
  const what = data.status === 'failed' ? 'could not start' : data.status === 'coalesced' ? 'run together with a later one' : 'missed';
  const reason = typeof data.reason === 'string' ? ` (${oneLine(data.reason)})` : '';
  return `Schedule ${oneLine(data.name)}: ${count === 1 ? 'the run' : `${count} runs`}${planned} ${what}${reason}.\nLook: logistics-mcp get ${oneLine(data.schedule_id)}`;
}

function placeOf({ executionId, stepId, jobId, data }: LogisticsEvent, backend: Backend): string {
  const named = typeof data.workflow === 'string' ? data.workflow : typeof data.name === 'string' ? data.name : null;
  const workflow = executionId === undefined ? named : (backend.getExecution(executionId)?.workflow ?? named);
  if (typeof data.owner === 'string' && executionId === undefined) return `${capital(oneLine(data.owner))} ${oneLine(data.id)}`;
  const what = workflow ?? (jobId === undefined ? null : (backend.getJob(jobId)?.name ?? jobId));
  return `${oneLine(what ?? 'The system')}${stepId === undefined ? '' : `/${stepId}`}`;
}

function detail({ data }: LogisticsEvent): string {
  const said = data.message ?? data.reason ?? data.code;
  return typeof said === 'string' ? ` ${oneLine(said)}` : '';
}

function lookAt({ executionId, jobId, data }: LogisticsEvent): string {
  const owner = data.owner === 'workflow' || typeof data.id !== 'string' ? undefined : data.id;
  const id = executionId ?? jobId ?? owner;
  return id === undefined ? '' : `\nLook: logistics-mcp get ${id}`;
}

/** Agents write some of it: no line of its own, and no brackets, with which chat programs are told to call everybody. */
function oneLine(value: Json | undefined): string {
  const text = String(value ?? '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ')
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .trim();
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
