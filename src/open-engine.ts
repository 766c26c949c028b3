// Owns the composition: configuration -> evaluator, actions, backend, managers, engine; nothing else knows all of them.
import { randomFillSync } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { createBuiltinActions } from './actions/builtin-actions.ts';
import type { ConfigInput } from './config/config-schema.ts';
import type { Config } from './config/normal-form.ts';
import { type ConfigContext, configFromCode } from './config.ts';
import type { TaskType } from './domain/action.ts';
import { createAdvance } from './domain/advance.ts';
import { LogisticsError } from './domain/errors.ts';
import { createIdSource } from './domain/id.ts';
import type { JsonObject } from './domain/json.ts';
import { compilePlan, type Plan } from './domain/plan.ts';
import { DEFAULT_RETRY } from './domain/retry-policy.ts';
import { traceText } from './domain/trace-context.ts';
import { createEvaluator } from './expression/cel-evaluator.ts';
import { componentLogger, createLogger, type Logger, silentLogger } from './logger.ts';
import { logEvents } from './observe/event-lines.ts';
import { statsSource } from './optimization/task-durations.ts';
import { BudgetManager } from './orchestration/budget-manager.ts';
import { confine } from './orchestration/confined-backend.ts';
import { type HookRecord, hookStatus } from './orchestration/hook-status.ts';
import { checkOutput } from './orchestration/input-schema.ts';
import { KnownDurations } from './orchestration/known-durations.ts';
import type { Background } from './orchestration/liveness.ts';
import { OrchestrationEngine } from './orchestration/orchestration-engine.ts';
import { OrchestrationSessions } from './orchestration/orchestration-session.ts';
import { ProjectManager } from './orchestration/project-manager.ts';
import { poolSpecOf, ResourceManager } from './orchestration/resource-manager.ts';
import { RunPlanner } from './orchestration/run-planner.ts';
import { EngineTargets, targetAdmission } from './orchestration/schedule-targets.ts';
import { TaskOrchestrator } from './orchestration/task-orchestrator.ts';
import { ToolCatalog } from './orchestration/tool-catalog.ts';
import { renderConcurrencyKey, WorkflowManager } from './orchestration/workflow-manager.ts';
import { WorkflowsDir } from './orchestration/workflows-dir.ts';
import { CurrentWork } from './runtime/current-work.ts';
import { createRedactor, type Redactor } from './runtime/redact.ts';
import { createSecretStore } from './runtime/secrets.ts';
import { openTracing, type Tracing } from './runtime/tracing.ts';
import { ScheduleManager } from './schedule/schedule-manager.ts';
import { createScheduleSupport } from './schedule/schedule-support.ts';
import type { FiringFacts } from './store/backend.ts';
import { openBackend } from './store/open-backend.ts';
import { loadHandlersModule } from './task/handlers-module.ts';
import { TaskRegistry } from './task/task-registry.ts';
import { Worker } from './task/worker.ts';
import { WorkerAgents } from './task/worker-agents.ts';
import { createDurationSource } from './tracking/duration-source.ts';
import { VERSION } from './version.ts';

export interface OpenOptions {
  /** `worker` runs jobs; `client` only reads and writes (short CLI commands). */
  readonly role?: 'worker' | 'client' | undefined;
  /** Task types given in code, beside those of the handlers module. */
  readonly tasks?: readonly TaskType[] | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly logger?: Logger | undefined;
  /** Shared by engines that write to one log; it must mask the lines of `logger`. Default: one of its own. */
  readonly redactor?: Redactor | undefined;
  /** Warnings of loading the configuration; shown in the status. */
  readonly warnings?: readonly string[] | undefined;
  /** Config file whose guarded keys do not act. */
  readonly untrustedFile?: string | undefined;
  readonly now?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
  /** What the host is called in lists of processes: stdio, worker, host, cli, library. */
  readonly host?: string | undefined;
  /** Only jobs of these queues run here; default: all. */
  readonly queues?: readonly string[] | undefined;
  /** Refused as conflict while another process of this kind lives in the namespace. */
  readonly sole?: boolean | undefined;
  /** What this process does about work that it leaves behind; shown in the status. */
  readonly background?: Background | undefined;
  /** Callers reach nothing outside the namespace of the configuration, whatever id they name. */
  readonly confined?: boolean | undefined;
  /** Where the server that this engine belongs to notes what comes to its hooks. */
  readonly hookRecord?: HookRecord | undefined;
  /** The job whose work this process does, where a job started it. */
  readonly parent?: string | undefined;
  /** What this process offers beside its task types. */
  readonly capabilities?: readonly string[] | undefined;
}

/** Opens an engine on a loaded configuration and starts it. */
export async function openEngineWith(config: Config, options: OpenOptions = {}): Promise<OrchestrationEngine> {
  const env = options.env ?? {};
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const newId = createIdSource(now, randomFillSync);
  const redactor = options.redactor ?? createRedactor();
  const logger = options.logger ?? createLogger({ level: config.logLevel, redactor });
  const tracing = await openTracing(VERSION, (message) => componentLogger(logger, 'tracing').warn(message));
  const secrets = createSecretStore(config, env, { redactor });
  const evaluator = createEvaluator();
  const currentWork = new CurrentWork(options.parent ?? null);
  const servers = Object.keys(config.mcpServers).length === 0 ? undefined : (await import('./mcp/mcp-caller.ts')).createMcpCaller(hostShape(config.mcpServers));
  const actions = createBuiltinActions({
    http: config.http,
    shell: config.shell === null ? undefined : { ...config.shell, env },
    mcp: servers,
    deliveries: { outlets: config.outlets, namespace: config.namespace, secrets, now, env },
  });
  const role = options.role ?? 'worker';
  const registry = new TaskRegistry({
    builtIns: actions.types,
    capabilities: [...actions.capabilities, ...(options.capabilities ?? [])],
    untrustedFile: options.untrustedFile,
  });
  const own = [...(config.handlers === null ? [] : await loadHandlersModule(config.handlers)), ...(options.tasks ?? [])];
  for (const type of own) registry.register(type);
  registry.setAliases(config.taskAliases);
  const decide = createAdvance({ evaluator, newId, limits: { approvalMs: config.limits.approvalExpiryMs, graceMs: config.limits.shutdownGraceMs } });
  const compile: (definition: Plan['definition'], hash: string) => Plan = (definition, hash) =>
    compilePlan(definition, hash, evaluator, {
      capabilityOf: (task, input) => registry.capabilityOf(task, input),
      retry: { ...DEFAULT_RETRY, maxAttempts: config.limits.maxAttempts },
    });
  const versions = new WeakMap<Plan, ReturnType<TaskRegistry['versionsIn']>>();
  const taskVersions = (plan: Plan): ReturnType<TaskRegistry['versionsIn']> => {
    const known = versions.get(plan);
    if (known !== undefined) return known;
    const found = registry.versionsIn(plan);
    versions.set(plan, found);
    return found;
  };
  const known = new KnownDurations({
    namespace: config.namespace,
    read: () => statsSource(backend.queueStats({ namespace: config.namespace })),
    now,
    later: (work) => setImmediate(work),
    onError: (error) => componentLogger(logger, 'known-durations').error({ err: error }, 'the statistics could not be read'),
  });
  const dispose = async (): Promise<void> => {
    known.close();
    await Promise.all([actions.close(), evaluator.close(), servers?.close()]);
  };
  const schedules = createScheduleSupport(evaluator, targetAdmission({ registry, evaluator, secrets }));
  const backend = await openBackend(config, {
    now,
    random,
    newId,
    compile,
    concurrencyKey: (plan: Plan, input: JsonObject) => renderConcurrencyKey(evaluator, plan, input),
    checkOutput,
    taskVersions,
    schedules,
    stepPlaces: (namespace, plan) => known.places(namespace, plan),
    limits: {
      ageStepMs: config.limits.ageStepMs,
      maxCrashes: config.limits.maxCrashes,
      leaseMs: config.limits.processLeaseMs,
      receiptDays: Math.max(7, config.retention.days),
      scheduleDepth: config.limits.scheduleDepth,
    },
    fireTrace: tracing === null ? undefined : (facts) => fireTrace(tracing, facts),
    onError: (error) => componentLogger(logger, 'store').error({ err: error }, 'a listener of the store failed'),
  }).catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  const namespace = config.namespace;
  const visible = options.confined === true ? confine(backend, namespace) : backend;
  const durations = createDurationSource({ backend: visible, namespace, now });
  const log = (component: string): Logger => componentLogger(logger, component);
  const tools = servers === undefined ? undefined : new ToolCatalog({ caller: servers, now });
  const workflows = new WorkflowManager({
    backend: visible,
    evaluator,
    registry,
    taskAliases: config.taskAliases,
    namespace,
    newId,
    decide,
    compile,
    tools,
    tracing,
    currentWork,
  });
  const scheduleManager = new ScheduleManager({
    backend: visible,
    evaluator,
    targets: new EngineTargets({ backend: visible, workflows, registry, evaluator, secrets, namespace }),
    plannedTimes: schedules.plannedTimes,
    namespace,
    newId,
    now,
    decide,
    currentWork,
  });
  const workflowsDir =
    config.workflowsDir === null
      ? null
      : new WorkflowsDir({ folder: config.workflowsDir, workflows, schedules: scheduleManager, logger: log('workflows-dir') });
  const sessions = new OrchestrationSessions({ backend: visible, namespace, newId, now, decide, limits: config.limits });
  const projects = new ProjectManager({ backend: visible, workflows, schedules: scheduleManager, namespace, newId, now, decide });
  const resources = new ResourceManager({ backend: visible, namespace, newId, now, plannedTimes: schedules.plannedTimes });
  const budgets = new BudgetManager({ backend: visible, decide, namespace, now });
  const pools = Object.entries(config.pools).map(([name, pool]) => poolSpecOf(name, pool));
  const engine = new OrchestrationEngine({
    resources,
    budgets,
    currentWork,
    pools,
    backend,
    visible,
    decide,
    workflows,
    tasks: new TaskOrchestrator({ backend: visible, decide, workflows }),
    sessions,
    projects,
    registry,
    schedules: scheduleManager,
    planner: new RunPlanner({
      backend: visible,
      workflows,
      evaluator,
      durations: () => {
        // A store that is older than the history of its steps knows its queues.
        const stats = statsSource(visible.queueStats({ namespace }));
        return (p) => durations(p) ?? stats(p);
      },
      pools: () => visible.listPools({ namespace }),
      slots: config.concurrency,
      now,
    }),
    workerAgents: new WorkerAgents({
      backend: visible,
      steps: { evaluator, secrets },
      registry,
      redactor,
      namespace,
      decide,
      now,
      newId,
      logger: log('worker-agents'),
    }),
    durations,
    workflowsDir,
    outlets: config.outlets,
    hooks: () => hookStatus(config.hooks, namespace, options.hookRecord ?? null),
    log,
    now,
    newId,
    namespace,
    version: VERSION,
    warnings: options.warnings ?? [],
    queues: config.queues,
    sweep: {
      sweepMs: config.limits.sweepMs,
      heartbeatMs: config.limits.heartbeatMs,
      retention: config.retention,
    },
    leaseMs: config.limits.processLeaseMs,
    defaultAttempts: config.limits.maxAttempts,
    join: { pid: process.pid, host: hostname(), role: `${options.host ?? 'library'}${role === 'client' ? ' (client)' : ''}`, sole: options.sole },
    tracing,
    background: options.background ?? { mode: 'off', problem: () => null, hostIdleMs: config.limits.hostIdleMs },
    makeWorker:
      role === 'client'
        ? null
        : (epoch) =>
            new Worker({
              backend,
              steps: { evaluator, secrets },
              registry,
              redactor,
              tracing,
              now,
              newId,
              decide,
              currentWork,
              namespace,
              concurrency: config.concurrency,
              claimBatch: config.limits.claimBatch,
              shutdownGraceMs: config.limits.shutdownGraceMs,
              epoch,
              queues: options.queues,
              logger: log('worker'),
            }),
    dispose,
  });
  try {
    known.refresh();
    await engine.start();
    if (role !== 'client') logEvents((type, handler) => engine.on(type, handler), log('events'));
  } catch (error) {
    await engine.stop().catch((cause: unknown) => log('engine').warn({ err: cause }, 'the failed start could not be cleaned up'));
    throw error;
  }
  return engine;
}

/** A fire belongs to nobody's trace: it begins one. */
function fireTrace(tracing: Tracing, { id, name, plannedAt }: FiringFacts): { readonly text: string; end(): void } {
  const attributes = { 'logistics.schedule_id': id, 'logistics.schedule': name, 'logistics.planned_at': new Date(plannedAt).toISOString() };
  const { context, end } = tracing.instant('fire schedule', attributes);
  return { text: traceText(context), end };
}

/** Servers as every host writes them: which transport it is follows from the fields. */
function hostShape(servers: Config['mcpServers']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(servers).map(([name, { transport: _, ...server }]) => [name, server]));
}

/**
 * Opens and starts an engine from a configuration in code; no file and no variable is read. `tasks` adds task types made with
 * defineTask(). Throws LogisticsError for a wrong configuration or an unusable store.
 */
export async function openEngine(config: ConfigInput = {}, options: OpenOptions & Partial<ConfigContext> = {}): Promise<OrchestrationEngine> {
  const normal = configFromCode(config, { env: options.env ?? {}, cwd: options.cwd ?? process.cwd(), homeDir: options.homeDir ?? homedir() });
  if (normal.background === 'auto') {
    throw new LogisticsError('not_available', 'A program that embeds the engine cannot be started again as a background host.', {
      path: 'background',
      expected: 'off',
      nextActions: ['Leave it out, and keep a process of your own or logistics-mcp worker running.'],
    });
  }
  return openEngineWith(normal, { logger: config.logLevel === undefined ? silentLogger() : undefined, ...options });
}
