// Owns counts over all queues of a namespace that no counter row holds.

export interface QueueCountReads {
  /** Jobs that wait for a later moment, retries included; counted up to 100,000. */
  scheduledCount(p: { readonly namespace: string }): number;
}
