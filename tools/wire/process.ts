// Owns a process on the wire: who runs work, and what it can run.
import type { JsonObject } from '../../src/domain/json.ts';
import type { ProcessInfo } from '../../src/store/backend.ts';
import { compact, iso } from './compact.ts';

export function processRow(process: ProcessInfo): JsonObject {
  return compact({
    kind: 'process',
    pid: process.pid,
    host: process.host,
    role: process.role,
    this_process: process.self || undefined,
    namespace: process.namespace,
    version: process.version,
    running_jobs: process.runningJobs,
    capabilities: process.capabilities.length === 0 ? undefined : process.capabilities,
    started_at: iso(process.startedAt),
    heartbeat_at: iso(process.heartbeatAt),
  });
}
