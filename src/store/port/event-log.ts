// Owns the verb of what the event log no longer holds.

export interface EventLogVerbs {
  /** Of the entries of a namespace that were removed the newest's cursor; 0 when none ever was. A reader that stands before it may have missed some. */
  keptAfter(p: { readonly namespace: string }): number;
}
