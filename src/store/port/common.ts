// Owns what several groups of verbs speak of: receipts of repeated calls, pages, and what a list is narrowed by.
import type { JobRange } from '../../domain/job-range.ts';

/** Idempotency: same principal, tool and key with the same digest of arguments gives the first handle again. */
export interface Receipt {
  readonly principal: string;
  readonly tool: string;
  readonly key: string;
  readonly digest: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export interface ListFilter {
  readonly namespace?: string | undefined;
  readonly status?: string | undefined;
  readonly queue?: string | undefined;
  readonly task?: string | undefined;
  /** Name of a project: only what its name begins with. */
  readonly project?: string | undefined;
  readonly workflow?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly executionId?: string | undefined;
  readonly dead?: boolean | undefined;
  /** Jobs of one batch. */
  readonly batch?: JobRange | undefined;
  /** Jobs that ended with this code. */
  readonly errorCode?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Substring of a name; a capability of this store. */
  readonly text?: string | undefined;
}
