// Owns an OpenTelemetry SDK as a user brings it with NODE_OPTIONS=--import: each ended span is a line of the file that OTEL_TEST_SPANS names.
import { appendFileSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const file = process.env.OTEL_TEST_SPANS;
const line = (span: ReadableSpan): string => {
  const { traceId, spanId } = span.spanContext();
  return `${JSON.stringify({ name: span.name, attributes: span.attributes, traceId, spanId, parentSpanId: span.parentSpanContext?.spanId ?? null })}\n`;
};

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    spanProcessors: [
      new SimpleSpanProcessor({
        export: (spans, done) => {
          if (file !== undefined) appendFileSync(file, spans.map(line).join(''));
          done({ code: 0 });
        },
        shutdown: () => Promise.resolve(),
      }),
    ],
  }),
);
