// Owns following one execution: what a view needs to know of it, read again only where the log says that something changed.
import type { LogisticsEvent } from '../domain/event.ts';
import { isTerminal } from '../domain/workflow-execution.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { StepView } from '../store/backend.ts';
import type { RunView, StepLine } from './render/progress.ts';

const PAGE = 500;
/** Open steps read at each look; their items and progress change without an entry in the log. */
const OPEN_READ = 100;

export class ExecutionFollower {
  readonly id: string;
  readonly #engine: OrchestrationEngine;
  readonly #steps = new Map<string, StepLine>();
  #cursor = 0;

  /** Throws not_found for an unknown id. */
  constructor(engine: OrchestrationEngine, id: string) {
    this.#engine = engine;
    this.id = id;
    for (let after = -1; ; ) {
      const page = engine.backend.getSteps({ executionId: id, after, limit: PAGE });
      for (const step of page) this.#keep(step);
      if (page.length < PAGE) break;
      after = page.at(-1)?.index ?? after;
    }
  }

  /** Entries of the log since the last call, oldest first. */
  newEvents(): LogisticsEvent[] {
    const events: LogisticsEvent[] = [];
    for (;;) {
      const page = this.#engine.events({ after: this.#cursor, limit: PAGE, executionId: this.id });
      events.push(...page);
      this.#cursor = page.at(-1)?.cursor ?? this.#cursor;
      if (page.length < PAGE) break;
    }
    for (const id of new Set(events.flatMap((event) => event.stepId ?? []))) this.#read(id);
    return events;
  }

  /** The run as it is now; null when it is gone. */
  look(): RunView | null {
    const { backend } = this.#engine;
    const execution = backend.getExecution(this.id);
    if (execution === null) return null;
    const ended = isTerminal(execution.status);
    const open = [...this.#steps.values()].filter((step) => !isTerminal(step.status) && (ended || step.status !== 'pending'));
    for (const step of ended ? open : open.slice(0, OPEN_READ)) this.#read(step.id);
    return {
      id: execution.id,
      workflow: execution.workflow,
      version: execution.version,
      status: execution.status,
      stopping: execution.stopping !== null,
      gate: execution.gate !== null,
      createdAt: execution.createdAt,
      endedAt: execution.endedAt,
      stepsDone: execution.stepsDone,
      totalSteps: execution.totalSteps,
      error: execution.error,
      steps: [...this.#steps.values()].sort((a, b) => a.index - b.index),
    };
  }

  step(id: string): StepLine | undefined {
    return this.#steps.get(id);
  }

  #read(stepId: string): void {
    const step = this.#engine.backend.getStep({ executionId: this.id, stepId });
    if (step !== null) this.#keep(step);
  }

  #keep(step: StepView): void {
    const job = step.jobId === null || isTerminal(step.status) || step.each !== null ? null : this.#engine.backend.getJob(step.jobId);
    // The row of a forEach stays `ready` while its items run one after the other.
    const running = step.each !== null && step.status === 'ready' && step.each.next > 0;
    this.#steps.set(step.id, { ...step, status: running ? 'running' : step.status, progress: job?.progress ?? null });
  }
}
