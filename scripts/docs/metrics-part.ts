// Owns the chapter on metrics: every one that is exposed, from the tables that expose them.
import { LABEL_LIMITS, type MetricSpec, OTHER, PROCESS_METRICS, STORE_METRICS } from '../../src/observe/metric-table.ts';
import { code, table } from '../../tools/reference/markdown.ts';

const rows = (metrics: Readonly<Record<string, MetricSpec>>): string =>
  table(
    ['metric', 'type', 'labels', 'meaning'],
    Object.values(metrics).map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(' '), help]),
  );

export function metricsPart(): string {
  const { namespaces, queues, tasks } = LABEL_LIMITS;
  return [
    '## Metrics',
    '`GET /metrics` of `serve`, of `worker --metrics-port`, and with `metrics: {port}` in the configuration of any worker or background host, in the Prometheus text format. On `serve` without a token where none is asked for, else with the scope `read`: a token sees what its namespace has in the store, `admin` everything. Durations are in seconds.',
    `Of the store. Every process of a store exposes the same numbers, so take the maximum over instances, never the sum: \`max without (instance) (logistics_store_jobs)\`. They come from counters that each commit keeps. Told apart are the ${namespaces} oldest namespaces, ${queues} oldest queues and ${tasks} oldest task types; all others are summed up under \`${OTHER}\`. No label holds an id.`,
    rows(STORE_METRICS),
    'Of the process that is asked; these add up over instances. Beside them are the usual `process_*` and `nodejs_*` of prom-client: CPU, memory, event-loop lag, garbage collection; they are watched from the first scrape on.',
    rows(PROCESS_METRICS),
  ].join('\n\n');
}
