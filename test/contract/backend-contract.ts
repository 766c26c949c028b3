// Owns the one contract of a store: whatever the adapter, a behaviour exists when a part of this suite says so.
import { budgetsContract } from './budgets.ts';
import { executionsContract } from './executions.ts';
import { gatesContract } from './gates.ts';
import type { Capabilities, MakeBackend } from './harness.ts';
import { historiesContract } from './histories.ts';
import { jobsQueueContract } from './jobs-queue.ts';
import { leasesContract } from './leases.ts';
import { lineageContract } from './lineage.ts';
import { measuresContract } from './measures.ts';
import { outletsContract } from './outlets.ts';
import { presenceContract } from './presence.ts';
import { projectsContract } from './projects.ts';
import { queueDedupeContract } from './queue-dedupe.ts';
import { queueLanesContract } from './queue-lanes.ts';
import { queueLimitsContract } from './queue-limits.ts';
import { queueModelContract } from './queue-model.ts';
import { queueOrderContract } from './queue-order.ts';
import { queueStatsContract } from './queue-stats.ts';
import { recordsContract } from './records.ts';
import { resourceModelContract } from './resource-model.ts';
import { resourcesContract } from './resources.ts';
import { scheduleEdgesContract } from './schedule-edges.ts';
import { schedulesContract } from './schedules.ts';
import { sessionEndsContract } from './session-ends.ts';
import { sessionPoolsContract } from './session-pools.ts';
import { sessionsContract } from './sessions.ts';
import { stepCacheContract } from './step-cache.ts';
import { waitingContract } from './waiting.ts';
import { workerModelContract } from './worker-model.ts';
import { workerReportsContract } from './worker-reports.ts';
import { workersContract } from './workers.ts';

const PARTS = [
  jobsQueueContract,
  leasesContract,
  presenceContract,
  measuresContract,
  executionsContract,
  gatesContract,
  waitingContract,
  recordsContract,
  sessionsContract,
  sessionEndsContract,
  sessionPoolsContract,
  queueModelContract,
  workersContract,
  workerReportsContract,
  workerModelContract,
  queueLimitsContract,
  queueLanesContract,
  queueDedupeContract,
  queueStatsContract,
  queueOrderContract,
  historiesContract,
  schedulesContract,
  scheduleEdgesContract,
  stepCacheContract,
  projectsContract,
  resourcesContract,
  resourceModelContract,
  outletsContract,
  budgetsContract,
  lineageContract,
];

/** Declares the tests of every part; `make` gives a fresh, empty place for each test. */
export function backendContract(make: MakeBackend, capabilities: Capabilities): void {
  for (const part of PARTS) part(make, capabilities);
}
