// Owns how a command names a schedule: by id or by name; a name that is not there gets near matches.
import { kindOfId } from '../domain/id.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

/** Throws not_found. */
export function scheduleIdOf(engine: OrchestrationEngine, ref: string): string {
  return kindOfId(ref) === 'schedule' ? ref : engine.schedules.require(ref).id;
}
