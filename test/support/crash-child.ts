// Owns a process that tests kill: an engine on the given folder whose task `mark` writes a line per run and may hold at one label.
import { appendFileSync, writeSync } from 'node:fs';
import type { JsonObject } from '../../src/domain/json.ts';
import { openEngine } from '../../src/open-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';

const [dataDir = '', journal = '', holdAt = '', work = ''] = process.argv.slice(2);

const mark = defineTask({
  type: 'mark',
  run: async (input, context) => {
    const label = String((input as JsonObject).label);
    appendFileSync(journal, `${label} ${context.attempt} ${context.idempotencyKey}\n`);
    if (label !== holdAt) return label;
    writeSync(1, 'holding\n');
    await new Promise(() => undefined);
    return null;
  },
});

const engine = await openEngine({ dataDir, namespace: 'test', concurrency: 2, durability: 'normal' }, { tasks: [mark] });
if (work !== '') {
  const { executionId } = await engine.workflows.start({ definition: JSON.parse(work) }, { principal: 'p', actor: 'agent', sessionId: null });
  writeSync(1, `started ${executionId}\n`);
}
writeSync(1, 'ready\n');
setInterval(() => undefined, 1_000);
