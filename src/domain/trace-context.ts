// Owns the W3C context of a trace: what counts as one, how it is kept with work, and how it is named towards others.

/** As it is handed on; header names, fields of MCP `_meta` and variables are called alike. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;
const PRINTABLE = /^[\t\x20-\x7e]+$/;
/** As the specification asks for at least; longer ones are dropped whole. */
const MAX_STATE_CHARS = 512;
/** It is kept with each job; W3C lets senders cut it anywhere. */
const MAX_BAGGAGE_CHARS = 1_024;

/** The parts of a traceparent, or null for text that is none. Of a later version the parts known here count. */
export function parseTraceparent(text: string): { readonly traceId: string; readonly spanId: string; readonly flags: number } | null {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return null;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** What a caller sent, read by name; null without a usable traceparent, and then the rest counts for nothing. */
export function traceContextOf(read: (name: 'traceparent' | 'tracestate' | 'baggage') => unknown): TraceContext | null {
  const traceparent = read('traceparent');
  if (typeof traceparent !== 'string' || traceparent.length > 512 || parseTraceparent(traceparent) === null) return null;
  const kept = (value: unknown, max: number): string | undefined =>
    typeof value === 'string' && value.length <= max && PRINTABLE.test(value) ? value : undefined;
  const tracestate = kept(read('tracestate'), MAX_STATE_CHARS);
  const baggage = kept(read('baggage'), MAX_BAGGAGE_CHARS);
  return { traceparent, ...(tracestate === undefined ? {} : { tracestate }), ...(baggage === undefined ? {} : { baggage }) };
}

/** The trace that it belongs to, 32 hex digits. */
export function traceIdOf({ traceparent }: TraceContext): string {
  return traceparent.slice(3, 35);
}

/** One line for a column; none of the three can hold a line end. */
export function traceText({ traceparent, tracestate = '', baggage = '' }: TraceContext): string {
  return baggage === '' && tracestate === '' ? traceparent : [traceparent, tracestate, baggage].join('\n');
}

export function readTrace(text: string): TraceContext | null {
  const [traceparent, tracestate, baggage] = text.split('\n');
  return traceContextOf((name) => ({ traceparent, tracestate, baggage })[name] || undefined);
}

/** The variables under which a program finds it. */
export function traceVariables(context: Partial<TraceContext>): Record<string, string> {
  return Object.fromEntries(Object.entries(context).map(([name, value]) => [name.toUpperCase(), String(value)]));
}
