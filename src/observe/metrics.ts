// Owns the metrics of a process: what it counts itself as it goes, and a scrape that reads all else in that moment.
import type { Counter, Gauge, Histogram, Metric, Registry } from 'prom-client';
import type { Backend } from '../store/backend.ts';
import { type Family, type ProcessFigures, processFamilies, storeFamilies } from './families.ts';
import { LABEL_LIMITS, type MetricSpec, PROCESS_METRICS } from './metric-table.ts';

type Prom = typeof import('prom-client');

/** Longer than any answer but a wait or a stream. */
const REQUEST_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** Whose figures are shown: a store as its asker may see it, and those of the process if it may see these too. */
export interface ScrapeParts {
  readonly backend: Backend;
  /** Default: all that the backend shows. */
  readonly namespace?: string | undefined;
  readonly now: number;
  /** Absent for an asker who belongs to one namespace of a process that serves several. */
  readonly process?: Pick<ProcessFigures, 'writers' | 'running' | 'version'> | undefined;
}

export interface HttpFigure {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

/** Methods that are told apart: a client may send any word. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export class Metrics {
  readonly #prom: Prom;
  readonly #registry: Registry;
  readonly #httpTime: Histogram;
  readonly #httpOpen: Gauge;
  readonly #streams: Gauge;
  readonly #calls: Counter;
  readonly #callTime: Histogram;
  readonly #hooks: Counter;
  #watched = false;
  #sessionCount = (): number => 0;

  private constructor(prom: Prom) {
    this.#prom = prom;
    this.#registry = new prom.Registry();
    this.#httpTime = new prom.Histogram({ ...this.#spec(PROCESS_METRICS.httpTime), buckets: REQUEST_BOUNDS_S });
    this.#httpOpen = new prom.Gauge(this.#spec(PROCESS_METRICS.httpOpen));
    this.#streams = new prom.Gauge(this.#spec(PROCESS_METRICS.streams));
    const sessions = (): number => this.#sessionCount();
    new prom.Gauge({
      ...this.#spec(PROCESS_METRICS.sessions),
      collect() {
        this.set(sessions());
      },
    });
    this.#calls = new prom.Counter(this.#spec(PROCESS_METRICS.calls));
    this.#hooks = new prom.Counter(this.#spec(PROCESS_METRICS.hooks));
    this.#callTime = new prom.Histogram({ ...this.#spec(PROCESS_METRICS.callTime), buckets: REQUEST_BOUNDS_S });
  }

  static async open(): Promise<Metrics> {
    return new Metrics(await import('prom-client'));
  }

  #spec({ name, help, labels }: MetricSpec): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  requestBegan(): void {
    this.#httpOpen.inc();
  }

  streamBegan(): void {
    this.#streams.inc();
  }

  streamEnded(): void {
    this.#streams.dec();
  }

  /** `route` is one of ours, never the path as it came. */
  requestEnded({ method, route, status, ms }: HttpFigure): void {
    this.#httpOpen.dec();
    this.#httpTime.observe({ method: METHODS.has(method) ? method : 'other', route, status: String(status) }, ms / 1_000);
  }

  called({ tool, outcome, ms }: { readonly tool: string; readonly outcome: string; readonly ms: number }): void {
    this.#calls.inc({ tool, outcome });
    this.#callTime.observe({ tool }, ms / 1_000);
  }

  /** `hook` is a name of the configuration, never one that was asked for. */
  hooked(hook: string, outcome: string): void {
    this.#hooks.inc({ hook, outcome });
  }

  /** `count` is asked with each scrape. */
  watchSessions(count: () => number): void {
    this.#sessionCount = count;
  }

  /** The text of a scrape and its content type. */
  async scrape({ backend, namespace, now, process: own }: ScrapeParts): Promise<{ readonly type: string; readonly text: string }> {
    const families = storeFamilies(backend.measures({ namespace, limits: LABEL_LIMITS }), now);
    if (own === undefined) return { type: this.#registry.contentType, text: await this.#text(families) };
    // What costs a little while it watches (the event loop, collections) begins with the first scrape: who is never asked pays nothing.
    if (!this.#watched) this.#prom.collectDefaultMetrics({ register: this.#registry });
    this.#watched = true;
    const figures = { ...own, storeBytes: backend.status().bytes, store: backend.kind };
    return { type: this.#registry.contentType, text: `${await this.#text([...processFamilies(figures), ...families])}\n${await this.#registry.metrics()}` };
  }

  /** prom-client writes what has a name, a type and a get(); its own histograms cannot be given counts that were made elsewhere. */
  #text(families: readonly Family[]): Promise<string> {
    const registry = new this.#prom.Registry();
    for (const family of families) registry.registerMetric({ ...family, get: () => family } as unknown as Metric);
    return registry.metrics();
  }
}
