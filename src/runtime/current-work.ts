// Owns which job the code that runs now works for, so that what it asks for is known to come of it.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingHttpHeaders } from 'node:http';

/** The variable under which a program that a job started finds the job's id. */
export const PARENT_VARIABLE = 'LOGISTICS_PARENT';
/** The same in `_meta` of an MCP call, and as a header over HTTP. */
export const PARENT_META = 'logistics-mcp/parent';
export const PARENT_HEADER = 'logistics-parent';

const ID = /^(job|exec)_[0-9a-z]{26}$/;

/** An id that somebody sent, or undefined; whether it exists is for the store to say. */
export function parentOf(value: unknown): string | undefined {
  return typeof value === 'string' && ID.test(value) ? value : undefined;
}

export function parentHeader(headers: IncomingHttpHeaders): string | undefined {
  return parentOf(headers[PARENT_HEADER]);
}

export class CurrentWork {
  readonly #jobs = new AsyncLocalStorage<string>();
  /** For code that works for no job of this process: a program that a job started elsewhere. */
  readonly #parent: string | null;

  constructor(parent: string | null = null) {
    this.#parent = parent;
  }

  /** All that `work` does, until its promise is settled, is done for this job. */
  run<T>(jobId: string, work: () => T): T {
    return this.#jobs.run(jobId, work);
  }

  get cause(): string | null {
    return this.#jobs.getStore() ?? this.#parent;
  }
}
