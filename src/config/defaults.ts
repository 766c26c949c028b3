// Owns the default of every limit.

export const DEFAULT_LIMITS = {
  processLeaseMs: 30_000,
  heartbeatMs: 10_000,
  sweepMs: 5_000,
  shutdownGraceMs: 10_000,
  approvalExpiryMs: 86_400_000,
  ageStepMs: 60_000,
  maxCrashes: 5,
  maxAttempts: 3,
  sessionParallelTasks: 4,
  sessionParallelWorkflows: 2,
  claimBatch: 32,
} as const;

export const DEFAULT_RETENTION = { days: 30, executions: 100_000 } as const;
export const DEFAULT_CONCURRENCY = 16;
