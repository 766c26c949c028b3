// Owns engines for tests: each with a store of its own, quick limits, and an end after the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { ConfigInput } from '../../src/config/config-schema.ts';
import type { ActionContext, TaskType } from '../../src/domain/action.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { EventType, LogisticsEvent } from '../../src/domain/event.ts';
import type { Json } from '../../src/domain/json.ts';
import { type OpenOptions, openEngine } from '../../src/open-engine.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';

const ends: (() => Promise<void> | void)[] = [];

/** Runs when the test is over, the newest first. */
export function atEnd(end: () => Promise<void> | void): void {
  ends.push(end);
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'logistics-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An engine in memory, or on the file of `dataDir`. */
export async function engineFor(config: ConfigInput = {}, options: OpenOptions = {}): Promise<OrchestrationEngine> {
  const store = config.dataDir === undefined ? 'in_memory' : 'sqlite';
  const engine = await openEngine({ store, namespace: 'test', durability: 'normal', ...config, limits: { shutdownGrace: 0, ...config.limits } }, options);
  atEnd(() => engine.stop());
  return engine;
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  return Promise.withResolvers<T>();
}

export interface HeldTask extends TaskType {
  /** Attempts that have begun and not been let go, in order. */
  readonly held: { readonly context: ActionContext; readonly input: Json; readonly done: Deferred<Json> }[];
  /** Resolves when this many attempts are held at once. */
  reached(count: number): Promise<void>;
  /** Lets the oldest attempt go. */
  release(output?: Json): void;
}

/** A task whose attempts wait until the test lets them go; an abort ends them. */
export function heldTask(type = 'held'): HeldTask {
  const held: HeldTask['held'] = [];
  const waiting: { count: number; done: Deferred<void> }[] = [];
  const task = defineTask({
    type,
    run: (input, context) => {
      const done = deferred<Json>();
      held.push({ context, input: input as Json, done });
      context.signal.addEventListener('abort', () => done.reject(context.signal.reason), { once: true });
      for (const waiter of waiting) if (held.length >= waiter.count) waiter.done.resolve();
      return done.promise;
    },
  });
  return Object.assign(task, {
    held,
    reached: (count: number): Promise<void> => {
      const done = deferred();
      if (held.length >= count) done.resolve();
      else waiting.push({ count, done });
      return done.promise;
    },
    release: (output: Json = null): void => held.shift()?.done.resolve(output),
  });
}

/** The next event of a type that fits. */
export function nextEvent(engine: OrchestrationEngine, type: EventType, fits: (event: LogisticsEvent) => boolean = () => true): Promise<LogisticsEvent> {
  return new Promise((resolve) => {
    const stop = engine.on(type, (event) => {
      if (!fits(event)) return;
      stop();
      resolve(event);
    });
  });
}

/** Resolves when the condition holds; it is looked at after every event. */
export function until(engine: OrchestrationEngine, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!condition()) return;
      stop();
      resolve();
    };
    const stop = engine.on('*', look);
    look();
  });
}

/** The LogisticsError of a promise that must be rejected with one. */
export async function refusal(work: Promise<unknown> | (() => unknown)): Promise<LogisticsError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof LogisticsError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

export const HUMAN = { principal: 'local', actor: 'human', sessionId: null } as const;
export const AGENT = { principal: 'agent', actor: 'agent', sessionId: null } as const;
