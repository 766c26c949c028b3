// Owns how a queue is named where an id is asked for: queue:<name>.
import { LogisticsError } from '../../src/domain/errors.ts';
import { QueueName } from '../../src/domain/job.ts';

const PREFIX = 'queue:';

export function isQueueId(id: string): boolean {
  return id.startsWith(PREFIX);
}

export function queueOf(id: string): string {
  const name = QueueName.safeParse(id.slice(PREFIX.length));
  if (name.success) return name.data;
  throw new LogisticsError('invalid_input', 'This is no name of a queue.', { path: 'id', expected: 'queue: and up to 100 letters, digits, _ . : or -' });
}
