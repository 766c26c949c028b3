// Owns the door to OpenTelemetry: loaded once, and only where the program's user has registered an SDK; everywhere else there is no tracing object to call.
import type { Context, Span, SpanOptions, Tracer } from '@opentelemetry/api';
import { parseTraceparent, type TraceContext } from '../domain/trace-context.ts';

type Api = typeof import('@opentelemetry/api');

export interface SpanRequest {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'consumer';
  /** Whom it belongs to; null begins a trace of its own. */
  readonly parent: TraceContext | null;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export interface OpenSpan {
  /** To be handed on to whoever works for this span. */
  readonly context: TraceContext;
  set(name: string, value: string | number): void;
  /** Marks it as failed; `type` is a code of the error table. The message is not told: it may hold what was asked. */
  fail(type: string): void;
}

/** Where every copy of the API package keeps what an SDK registered; documented by its version, which is 1 for all of ^1. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/** Null when no SDK is registered, or when the API package cannot be found beside one that is, which `onMissing` is told. */
export async function openTracing(version: string, onMissing: (message: string) => void): Promise<Tracing | null> {
  const registered = (globalThis as { readonly [REGISTERED]?: { readonly trace?: unknown } })[REGISTERED];
  if (registered?.trace === undefined) return null;
  try {
    return new Tracing(await import('@opentelemetry/api'), version);
  } catch {
    onMissing('An OpenTelemetry SDK is registered, but @opentelemetry/api cannot be loaded from here, so nothing is traced: npm install @opentelemetry/api');
    return null;
  }
}

export class Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;

  constructor(api: Api, version: string) {
    this.#api = api;
    this.#tracer = api.trace.getTracer('logistics-mcp', version);
  }

  /** Runs work as a span; a throw fails and ends it. */
  async span<T>(request: SpanRequest, work: (span: OpenSpan) => Promise<T>): Promise<T> {
    const { context, trace } = this.#api;
    const [span, around] = this.#start(request);
    try {
      return await context.with(trace.setSpan(around, span), () => work(this.#open(span, request.parent)));
    } catch (error) {
      this.#fail(span, codeOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  /** A span that begins a trace and is over at once. It counts once `end` is called; never ended, it is not told of. */
  instant(name: string, attributes: SpanRequest['attributes']): { readonly context: TraceContext; end(): void } {
    const span = this.#tracer.startSpan(name, { root: true, kind: this.#api.SpanKind.PRODUCER, attributes }, this.#api.ROOT_CONTEXT);
    return { context: this.#open(span, null).context, end: () => span.end() };
  }

  /** The context of whoever calls now, in a program that traces itself. */
  current(): TraceContext | null {
    const span = this.#api.trace.getActiveSpan();
    return span === undefined ? null : this.#open(span, null).context;
  }

  #start({ name, kind, parent, attributes }: SpanRequest): readonly [Span, Context] {
    const { ROOT_CONTEXT, SpanKind } = this.#api;
    const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER } as const;
    // Never the active one: a commit or a timer runs in the context of whoever happened to come first.
    const around = parent === null ? ROOT_CONTEXT : this.#remote(parent);
    const options: SpanOptions = { kind: kinds[kind], attributes: { ...attributes } };
    return [this.#tracer.startSpan(name, options, around), around];
  }

  #remote({ traceparent, tracestate }: TraceContext): Context {
    const { ROOT_CONTEXT, trace, createTraceState } = this.#api;
    const parsed = parseTraceparent(traceparent);
    if (parsed === null) return ROOT_CONTEXT;
    const state = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) };
    return trace.setSpanContext(ROOT_CONTEXT, { traceId: parsed.traceId, spanId: parsed.spanId, traceFlags: parsed.flags & 1, isRemote: true, ...state });
  }

  #open(span: Span, parent: TraceContext | null): OpenSpan {
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    const tracestate = traceState?.serialize() ?? '';
    return {
      context: {
        traceparent: `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`,
        ...(tracestate === '' ? {} : { tracestate }),
        ...(parent?.baggage === undefined ? {} : { baggage: parent.baggage }),
      },
      set: (name, value) => void span.setAttribute(name, value),
      fail: (type) => this.#fail(span, type),
    };
  }

  #fail(span: Span, type: string): void {
    span.setAttribute('error.type', type);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
  }
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'internal';
}
