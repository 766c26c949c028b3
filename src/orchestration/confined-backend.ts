// Owns that whoever works in one namespace reaches nothing of another: a store whose every verb knows no object outside it.
import { LogisticsError } from '../domain/errors.ts';
import { kindOfId } from '../domain/id.ts';
import { isJsonObject } from '../domain/json.ts';
import type { Backend } from '../store/backend.ts';
import type { BudgetOf } from '../store/port/budgets.ts';
import type { ListFilter } from '../store/port/common.ts';

type Listed = { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null };

/**
 * The same store, seen from one namespace: what lies elsewhere does not exist, whatever id is given. Every verb is named here, so that a new one does not
 * compile before somebody has decided how it is confined. Verbs of the process itself (heartbeat, claims by epoch, due times …) work on all of the store.
 */
export function confine(store: Backend, namespace: string): Backend {
  const own = (object: { readonly namespace: string } | null): boolean => object !== null && object.namespace === namespace;
  const ownExecution = (id: string): boolean => own(store.getExecution(id));
  const ownJob = (id: string): boolean => own(store.getJob(id));
  const ownSession = (id: string): boolean => own(store.getSession(id));
  const ownSchedule = (id: string): boolean => own(store.getSchedule(id));
  const ownProject = (id: string): boolean => own(store.getProject(id));
  const ownWorker = (id: string): boolean => own(store.getWorker(id));
  const ownOwner = ({ owner, id }: BudgetOf): boolean => ({ run: ownExecution, session: ownSession, schedule: ownSchedule, project: ownProject })[owner](id);
  const ownAny = (id: string): boolean => {
    const kind = kindOfId(id);
    if (kind === 'execution') return ownExecution(id);
    if (kind === 'job') return ownJob(id);
    return kind === 'schedule' ? ownSchedule(id) : kind === 'session' && ownSession(id);
  };
  const inside = <T extends { readonly namespace: string }>(object: T | null): T | null => (own(object) ? object : null);
  const here = <T extends object>(p: T): T & { readonly namespace: string } => ({ ...p, namespace });
  // Asked for by name it is refused; asked for all, it is all that can be seen.
  const within = <T extends { readonly namespace?: string | undefined }>(p: T): T & { readonly namespace: string } => {
    if (p.namespace !== undefined && p.namespace !== namespace)
      throw new LogisticsError('forbidden', `The namespace ${p.namespace} is another one than yours.`, { path: 'namespace', expected: namespace });
    return { ...p, namespace };
  };
  const listed = (p: Listed): Listed => ({ ...p, filter: within(p.filter) });

  return {
    kind: store.kind,
    capabilities: store.capabilities,

    // Of the process.
    join: (p) => store.join(p),
    heartbeat: (p) => store.heartbeat(p),
    leave: (p) => store.leave(p),
    lead: (p) => store.lead(p),
    reclaim: (p) => store.reclaim(p),
    cascadeProjects: (p) => store.cascadeProjects(p),
    pendingInbox: (p) => store.pendingInbox(p),
    claimJobs: (p) => store.claimJobs(p),
    runningJobs: (p) => store.runningJobs(p),
    settleJob: (p) => store.settleJob(p),
    reportProgress: (p) => store.reportProgress(p),
    fireDue: (p) => store.fireDue(p),
    retain: (p) => store.retain(p),
    onCommit: (listener) => store.onCommit(listener),
    pollForeign: () => store.pollForeign(),
    writerState: () => store.writerState(),
    close: () => store.close(),
    ...(store.refresh === undefined ? {} : { refresh: () => store.refresh?.() ?? Promise.resolve() }),
    lastCursor: () => store.lastCursor(),
    cursorAt: (at) => store.cursorAt(at),
    keptAfter: (p) => store.keptAfter(here(p)),
    status: () => ({ ...store.status({ namespace }), location: '' }),
    unfinished: (p) => store.unfinished(here(p)),
    listProcesses: () => store.listProcesses().filter((process) => process.namespace === namespace),
    liveProcesses: () => store.liveProcesses({ namespace }),

    // A plan and a gate are named by objects that were found here.
    planOf: (hash) => store.planOf(hash),
    gateHolders: (p) => store.gateHolders(p),

    putDefinition: (p) => store.putDefinition(here(p)),
    findDefinition: (p) => store.findDefinition(here(p)),
    definitionById: (id) => inside(store.definitionById(id)),
    deleteDefinition: async (p) => own(store.definitionById(p.id)) && store.deleteDefinition(p),
    listDefinitions: (p) => store.listDefinitions(listed(p)),
    putProject: async (p) => {
      const stored = store.getProject(p.project.id);
      if (stored !== null && !own(stored)) return { kind: 'conflict', error: unknown('id', p.project.id) };
      return store.putProject({ ...p, project: here(p.project) });
    },
    getProject: (id) => inside(store.getProject(id)),
    findProject: (p) => store.findProject(here(p)),
    projectOfSession: (id) => inside(store.projectOfSession(id)),
    listProjects: (p) => store.listProjects({ ...p, filter: within(p.filter) }),
    changeProject: async (p) => (ownProject(p.id) ? store.changeProject(p) : { kind: 'not_found' }),
    deleteProject: async (p) => (ownProject(p.id) ? store.deleteProject(p) : { kind: 'not_found' }),
    projectCounts: (id) => (ownProject(id) ? store.projectCounts(id) : null),
    projectSchedules: (id) => (ownProject(id) ? store.projectSchedules(id) : []),
    putProjectArchive: async (p) => ownProject(p.id) && store.putProjectArchive(p),
    getProjectArchive: (id) => (ownProject(id) ? store.getProjectArchive(id) : null),
    putTemplate: (p) => store.putTemplate(here(p)),
    listTemplates: (p) => store.listTemplates(here(p)),
    deleteTemplate: (p) => store.deleteTemplate(here(p)),

    clearStepCache: (p) => store.clearStepCache(here(p)),

    startExecution: async (p) => {
      if (p.sessionId !== null && !ownSession(p.sessionId)) return { kind: 'conflict', error: unknown('session_id', p.sessionId) };
      if (p.forkedFrom !== null && !ownExecution(p.forkedFrom.executionId)) return { kind: 'conflict', error: unknown('id', p.forkedFrom.executionId) };
      return store.startExecution(here(p));
    },
    update: async (p) => (ownExecution(p.executionId) ? store.update(p) : { kind: 'not_found' }),
    getExecution: (id) => inside(store.getExecution(id)),
    getSteps: (p) => (ownExecution(p.executionId) ? store.getSteps(p) : []),
    getStep: (p) => (ownExecution(p.executionId) ? store.getStep(p) : null),
    getOutput: (p) => (ownExecution(p.executionId) ? store.getOutput(p) : undefined),
    listExecutions: (p) => store.listExecutions(listed(p)),
    openRunsOfKey: (p) => store.openRunsOfKey(here(p)),
    childrenOf: (p) => (ownExecution(p.executionId) ? store.childrenOf(p) : []),
    parentOf: (id) => (ownExecution(id) ? store.parentOf(id) : null),
    stepScope: (p) => (ownExecution(p.executionId) ? store.stepScope(p) : null),

    enqueueJobs: async (p) => {
      const inBatch = new Set(p.jobs.map((job) => job.id));
      for (const job of p.jobs) {
        if (job.sessionId !== null && !ownSession(job.sessionId)) return { kind: 'conflict', error: unknown('session_id', job.sessionId), jobId: job.id };
        const need = job.dependsOn.find((id) => !inBatch.has(id) && !ownJob(id));
        if (need !== undefined) return { kind: 'conflict', error: unknown('depends_on', need), jobId: job.id };
      }
      return store.enqueueJobs({ ...p, jobs: p.jobs.map(here) });
    },
    hasReadyJobs: (p) => store.hasReadyJobs(here(p)),
    claimForWorker: (p) => store.claimForWorker({ ...p, worker: here(p.worker) }),
    renewWorker: async (p) => (ownWorker(p.workerId) ? store.renewWorker(p) : null),
    reportForWorker: async (p) => (ownWorker(p.workerId) && ownJob(p.jobId) ? store.reportForWorker(p) : { kind: 'not_found' }),
    leaveWorker: async (p) => ownWorker(p.workerId) && store.leaveWorker(p),
    getWorker: (id) => inside(store.getWorker(id)),
    listWorkers: (p) => store.listWorkers(listed(p)),
    capabilityCover: (p) => store.capabilityCover(here(p)),
    cancelJob: async (p) => (ownJob(p.jobId) ? store.cancelJob(p) : { kind: 'not_found', status: null }),
    redriveJob: async (p) => (ownJob(p.jobId) ? store.redriveJob(p) : { kind: 'not_found', status: null }),
    clearQueue: (p) => store.clearQueue(here(p)),
    updateQueue: (p) => store.updateQueue(here(p)),
    queueSettings: (p) => store.queueSettings(within(p)),
    getJob: (id) => inside(store.getJob(id)),
    jobRange: (p) => (ownJob(p.first) && ownJob(p.last) ? store.jobRange(here(p)) : null),
    peekJob: (p) => store.peekJob(here(p)),
    queueSize: (p) => store.queueSize(here(p)),
    listJobs: (p) => store.listJobs(listed(p)),
    jobLogs: (p) => (ownJob(p.jobId) ? store.jobLogs(p) : []),
    measures: (p) => store.measures(within(p)),
    queueStats: (p) => store.queueStats(within(p)),
    scheduledCount: (p) => store.scheduledCount(here(p)),

    definePool: (p) => store.definePool(here(p)),
    deletePool: (p) => store.deletePool(here(p)),
    getPool: (p) => store.getPool(here(p)),
    listPools: () => store.listPools({ namespace }),
    poolHolders: (p) => store.poolHolders(here(p)),
    requestFault: (p) => store.requestFault(here(p)),
    allocate: async (p) => {
      if (p.sessionId !== null && !ownSession(p.sessionId)) return { kind: 'conflict', error: unknown('session_id', p.sessionId) };
      return store.allocate(here(p));
    },
    renewAllocation: async (p) => (own(store.getAllocation(p.id)) ? store.renewAllocation(p) : null),
    releaseAllocation: async (p) => (own(store.getAllocation(p.id)) ? store.releaseAllocation(p) : { kind: 'not_found' }),
    getAllocation: (id) => inside(store.getAllocation(id)),
    listAllocations: (p) => store.listAllocations(here(p)),
    poolUse: (p) => store.poolUse(here(p)),
    recordedHolds: (p) => store.recordedHolds(here(p)),

    recall: (receipt) => {
      const reply = store.recall(receipt);
      if (!isJsonObject(reply)) return null;
      const { id, executionId } = reply;
      return (typeof id === 'string' && ownSchedule(id)) || (typeof executionId === 'string' && ownExecution(executionId)) ? reply : null;
    },
    putSchedule: async (p) => {
      const stored = store.getSchedule(p.schedule.id);
      if (stored !== null && !own(stored)) return { kind: 'conflict', error: unknown('id', p.schedule.id) };
      const { sessionId } = p.schedule;
      if (sessionId !== null && !ownSession(sessionId)) return { kind: 'conflict', error: unknown('session_id', sessionId) };
      return store.putSchedule({ ...p, schedule: here(p.schedule) });
    },
    changeSchedule: async (p) => (ownSchedule(p.id) ? store.changeSchedule(p) : { kind: 'not_found' }),
    triggerSchedule: async (p) => (ownSchedule(p.id) ? store.triggerSchedule(p) : null),
    backfillSchedule: async (p) => (ownSchedule(p.id) ? store.backfillSchedule(p) : null),
    getSchedule: (id) => inside(store.getSchedule(id)),
    findSchedule: (p) => store.findSchedule(here(p)),
    listSchedules: (p) => store.listSchedules(listed(p)),
    scheduleLedger: (p) => (ownSchedule(p.id) ? store.scheduleLedger(p) : { items: [], nextCursor: null }),
    scheduleAccount: (p) => store.scheduleAccount(here(p)),
    scheduleCounts: () => store.scheduleCounts({ namespace }),
    nextSchedule: () => store.nextSchedule({ namespace }),

    putSession: (p) => store.putSession({ ...p, session: here(p.session) }),
    getSession: (id) => inside(store.getSession(id)),
    updateSession: async (p) => (ownSession(p.id) ? store.updateSession(p) : null),
    closeSession: async (p) => (ownSession(p.id) ? store.closeSession(p) : { session: null, closed: false, cancelled: 0 }),
    recordCall: async (p) => {
      if (ownSession(p.sessionId)) await store.recordCall(p);
    },
    sessionCalls: (p) => (ownSession(p.sessionId) ? store.sessionCalls(p) : []),
    listSessions: (p) => store.listSessions(listed(p)),

    putArtifact: async (p) => {
      const owner = p.executionId === null ? p.jobId === null || ownJob(p.jobId) : ownExecution(p.executionId);
      if (!owner) throw new LogisticsError('not_found', `There is no ${p.executionId ?? p.jobId}.`);
      return store.putArtifact(p);
    },
    getArtifact: (p) => {
      const found = store.getArtifact(p);
      if (found === null) return null;
      const { executionId, jobId } = found.info;
      return (executionId !== null && ownExecution(executionId)) || (jobId !== null && ownJob(jobId)) ? found : null;
    },
    listArtifacts: (p) => (ownExecution(p.executionId) ? store.listArtifacts(p) : []),

    readEvents: (p) => store.readEvents(within(p)),

    openOutlets: (p) => store.openOutlets(here(p)),
    dispatch: (p) => store.dispatch({ ...here(p), jobs: p.jobs.map(here) }),
    outletPositions: () => store.outletPositions({ namespace }),
    budgetOf: (p) => (ownOwner(p) ? store.budgetOf(p) : null),
    setBudget: async (p) => (ownOwner(p) ? store.setBudget(p) : { kind: 'not_found', replayed: false }),
    budgetHolding: (id) => (ownExecution(id) ? store.budgetHolding(id) : null),
    lineageNode: (id) => (ownAny(id) ? store.lineageNode(id) : null),
    lineageChildren: (p) => (ownAny(p.id) ? store.lineageChildren(p).filter((node) => ownAny(node.id)) : []),
    heldBudgets: (p) => store.heldBudgets(here(p)),
    breakerOf: (p) => store.breakerOf(here(p)),
    resetBreaker: (p) => store.resetBreaker(here(p)),
    openBreakers: (p) => store.openBreakers(here(p)),
    durationHistories: (p) => store.durationHistories(here(p)),
    recentHistories: (p) => store.recentHistories(here(p)),
    failureClusters: (p) => store.failureClusters(here(p)),
    hoursOfWork: (p) => store.hoursOfWork(here(p)),
  };
}

function unknown(path: string, id: string): ReturnType<LogisticsError['toData']> {
  return new LogisticsError('not_found', `There is no ${id}.`, { path }).toData();
}
