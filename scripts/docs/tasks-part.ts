// Owns the chapter on task types: those that do work, and those that only wait.
import { builtinTypes, waitingParts, workingParts } from '../../tools/reference/task-types.ts';

export async function tasksPart(): Promise<string> {
  return [
    '## Task types',
    'For steps (`task`, `with`) and for jobs (`task`, `payload`).',
    ...workingParts(await builtinTypes()),
    '## Steps that wait',
    'Steps only, never jobs: they hold no worker. `timeout` limits the wait.',
    ...waitingParts(),
  ].join('\n\n');
}
