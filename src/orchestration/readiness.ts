// Owns whether a process can take work in this moment: told by what it is and by its last writes, so that to ask costs no write.
import { type ErrorData, LogisticsError, toErrorData } from '../domain/errors.ts';
import type { Backend } from '../store/backend.ts';

/** `epoch`: 0 before the process has joined its store. */
export function readiness(backend: Backend, isRunning: boolean, epoch: number): ErrorData | null {
  if (!isRunning) return new LogisticsError('shutting_down', 'This process is stopping.').toData();
  if (epoch === 0) return new LogisticsError('store_unavailable', 'This process has not joined its store yet.').toData();
  try {
    backend.lastCursor();
  } catch (error) {
    return toErrorData(error, 'store_unavailable');
  }
  return backend.writerState().fault;
}
