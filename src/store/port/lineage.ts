// Owns the reads of who started what.
import type { LineageNode } from '../../domain/lineage.ts';

export interface LineageReads {
  /** A run, job, schedule or session with its origin; null for anything else, and for what is gone. */
  lineageNode(id: string): LineageNode | null;
  /** What it started itself, newest first: steps' children and jobs it asked for, fires, forks, work of a session. */
  lineageChildren(p: { readonly id: string; readonly limit: number }): readonly LineageNode[];
}
