// Owns the log lines of the engine's events: one subscriber, at level debug, and none at all where that level is not written.
import type { LogisticsEvent } from '../domain/event.ts';
import type { Logger } from '../domain/log.ts';

/** What calls a listener for each event of a namespace and gives back how to end that. */
export type Subscribe = (type: '*', handler: (event: LogisticsEvent) => void) => () => void;

/** Every process of a namespace sees all its events: who reads the logs of several tells them apart by cursor. */
export function logEvents(subscribe: Subscribe, logger: Logger): () => void {
  if (logger.isLevelEnabled?.('debug') !== true) return () => undefined;
  return subscribe('*', ({ type, cursor, executionId, stepId, itemIndex, jobId, sessionId, data }) => {
    const ids = { execution_id: executionId, step_id: stepId, item_index: itemIndex, job_id: jobId, session_id: sessionId };
    logger.debug({ event: type, cursor, ...ids, ...(Object.keys(data).length === 0 ? {} : { data }) }, type);
  });
}
