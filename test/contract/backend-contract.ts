// Owns the one contract of a store: whatever the adapter, a behaviour exists when a part of this suite says so.
import { executionsContract } from './executions.ts';
import { gatesContract } from './gates.ts';
import type { Capabilities, MakeBackend } from './harness.ts';
import { jobsQueueContract } from './jobs-queue.ts';
import { leasesContract } from './leases.ts';
import { queueModelContract } from './queue-model.ts';
import { recordsContract } from './records.ts';
import { waitingContract } from './waiting.ts';

const PARTS = [jobsQueueContract, leasesContract, executionsContract, gatesContract, waitingContract, recordsContract, queueModelContract];

/** Declares the tests of every part; `make` gives a fresh, empty place for each test. */
export function backendContract(make: MakeBackend, capabilities: Capabilities): void {
  for (const part of PARTS) part(make, capabilities);
}
