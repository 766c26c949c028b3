// Owns the verbs by which the log leaves the store: where each outlet stands, and its deliveries made in the commit that moves it on.
import type { NewJob } from '../../domain/job.ts';

export interface OutletPosition {
  readonly name: string;
  /** Every entry of the log up to this one was looked at, and has its delivery if it needs one. */
  readonly cursor: number;
  /** When a process last served it, epoch ms. */
  readonly servedAt: number;
}

export interface OutletStore {
  /**
   * The outlets of a namespace are these and no others: a new one stands at the end of the log, and so does one that nobody served since
   * `staleBefore`; those that are not named are forgotten and told.
   */
  openOutlets(p: { readonly namespace: string; readonly names: readonly string[]; readonly staleBefore: number }): Promise<{
    readonly outlets: readonly OutletPosition[];
    readonly forgotten: readonly string[];
  }>;
  /**
   * Makes the deliveries of an outlet and moves it on, in one commit; false, and nothing done, when it does not stand at `from`. A job
   * whose id exists is not made again.
   */
  dispatch(p: {
    readonly namespace: string;
    readonly name: string;
    readonly from: number;
    readonly to: number;
    readonly jobs: readonly NewJob[];
  }): Promise<boolean>;
  outletPositions(p: { readonly namespace: string }): readonly OutletPosition[];
}
