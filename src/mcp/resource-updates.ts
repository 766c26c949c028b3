// Owns which resources an event has changed, and that those who follow them are told: together, a moment later, each address once.
import type { LogisticsEvent } from '../domain/event.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { resourceUri } from './resource-uri.ts';

/** Addresses that one connection may follow at once. */
export const MAX_FOLLOWED = 500;
const TOLD_AFTER_MS = 100;
const STATUS = resourceUri({ kind: 'status' });

/** Follows addresses in the events of an engine, as long as there are any. */
export class ResourceUpdates {
  readonly #tell: (uri: string) => void;
  /** How often each is followed. */
  readonly #followed = new Map<string, number>();
  readonly #changed = new Set<string>();
  #stop: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (uri: string) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#followed.size;
  }

  has(uri: string): boolean {
    return this.#followed.has(uri);
  }

  follow(uri: string, engine: OrchestrationEngine): void {
    this.#followed.set(uri, (this.#followed.get(uri) ?? 0) + 1);
    this.#stop ??= engine.on('*', (event) => this.#see(event));
  }

  unfollow(uri: string): void {
    const left = (this.#followed.get(uri) ?? 0) - 1;
    if (left > 0) this.#followed.set(uri, left);
    else this.#followed.delete(uri);
    if (this.#followed.size === 0) this.close();
  }

  close(): void {
    this.#followed.clear();
    this.#changed.clear();
    this.#stop?.();
    this.#stop = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #see(event: LogisticsEvent): void {
    for (const uri of changedBy(event)) if (this.#followed.has(uri)) this.#changed.add(uri);
    if (this.#changed.size > 0) this.#timer ??= setTimeout(() => this.#flush(), TOLD_AFTER_MS);
  }

  #flush(): void {
    this.#timer = null;
    const uris = [...this.#changed];
    this.#changed.clear();
    for (const uri of uris) if (this.#followed.has(uri)) this.#tell(uri);
  }
}

/** The addresses whose content an event may have changed. */
export function changedBy({ executionId, stepId, jobId, data }: LogisticsEvent): string[] {
  const uris = [STATUS];
  if (executionId !== undefined) {
    uris.push(resourceUri({ kind: 'execution', id: executionId }));
    if (stepId !== undefined) uris.push(resourceUri({ kind: 'output', id: executionId, step: stepId }));
  }
  if (jobId !== undefined) uris.push(resourceUri({ kind: 'job', id: jobId }));
  if (typeof data.schedule_id === 'string') uris.push(resourceUri({ kind: 'schedule', id: data.schedule_id }));
  if (typeof data.workflow === 'string') uris.push(resourceUri({ kind: 'workflow', name: data.workflow }));
  return uris;
}
