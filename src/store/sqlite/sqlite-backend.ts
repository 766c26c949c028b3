// Owns the sqlite adapter: the whole port, put together from its groups of verbs on one host.
import type { Backend, BackendEnvironment } from '../backend.ts';
import { budgetVerbs } from './budget-verbs.ts';
import type { OpenOptions } from './connection.ts';
import { definitionVerbs } from './definition-verbs.ts';
import { executionReads } from './execution-reads.ts';
import { executionVerbs } from './execution-verbs.ts';
import { type Host, SqliteHost } from './host.ts';
import { jobReads } from './job-reads.ts';
import { jobVerbs } from './job-verbs.ts';
import { logVerbs } from './log-verbs.ts';
import { measureVerbs } from './measure-verbs.ts';
import { outletVerbs } from './outlet-verbs.ts';
import { processVerbs } from './process-verbs.ts';
import { projectVerbs } from './project-verbs.ts';
import { queueVerbs } from './queue-verbs.ts';
import { resourceVerbs } from './resource-verbs.ts';
import { scheduleReads } from './schedule-reads.ts';
import { scheduleVerbs } from './schedule-verbs.ts';
import { sessionVerbs } from './session-verbs.ts';
import { stepCacheVerbs } from './step-cache-verbs.ts';
import { timeVerbs } from './time-verbs.ts';
import { trackingVerbs } from './tracking-verbs.ts';
import { workerVerbs } from './worker-verbs.ts';

/** Opens the file (or `:memory:`) and gives the whole port on it; throws StoreError when the file cannot be used. */
export function openSqliteBackend(options: OpenOptions, env: BackendEnvironment): Backend {
  const host = new SqliteHost(options, env);
  return {
    kind: host.memory ? 'in_memory' : 'sqlite',
    capabilities: { textSearch: true, durable: !host.memory, shared: !host.memory },
    ...verbsOn(host),
  };
}

/** Everything of the port that stands on a host, whatever makes its commits durable. */
export function verbsOn(host: Host): Omit<Backend, 'kind' | 'capabilities'> {
  return {
    ...processVerbs(host),
    ...definitionVerbs(host),
    ...executionVerbs(host),
    ...executionReads(host),
    ...jobVerbs(host),
    ...jobReads(host),
    ...queueVerbs(host),
    ...resourceVerbs(host),
    ...timeVerbs(host),
    ...workerVerbs(host),
    ...scheduleVerbs(host),
    ...scheduleReads(host),
    ...sessionVerbs(host),
    ...logVerbs(host),
    ...stepCacheVerbs(host),
    ...measureVerbs(host),
    ...projectVerbs(host),
    ...outletVerbs(host),
    ...trackingVerbs(host),
    ...budgetVerbs(host),
    onCommit: (listener) => host.onCommit(listener),
    pollForeign: () => host.pollForeign(),
  };
}
