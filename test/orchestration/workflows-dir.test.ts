import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../src/logger.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { type WatchFolder, WorkflowsDir } from '../../src/orchestration/workflows-dir.ts';
import { atEnd, engineFor, nextEvent, refusal, tempFolder } from '../support/test-engine.ts';

const GREET = 'steps: [{id: a, task: log, with: {message: hi}}]';

interface Setup {
  readonly engine: OrchestrationEngine;
  readonly dir: WorkflowsDir;
  readonly folder: string;
  readonly lines: Record<string, unknown>[];
  write(file: string, text: string | Buffer): void;
  /** As the system tells of a change. */
  touch(): void;
  fail(): void;
}

async function setup(files: Record<string, string | Buffer> = {}): Promise<Setup> {
  const engine = await engineFor();
  const folder = tempFolder();
  const write = (file: string, text: string | Buffer): void => writeFileSync(join(folder, file), text);
  for (const [file, text] of Object.entries(files)) write(file, text);
  const lines: Record<string, unknown>[] = [];
  const told = { change: (): void => undefined, error: (_error: unknown): void => undefined };
  const watch: WatchFolder = (_folder, onChange, onError) => {
    Object.assign(told, { change: onChange, error: onError });
    return () => undefined;
  };
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) as Logger;
  const dir = new WorkflowsDir({ folder, workflows: engine.workflows, logger, watch, debounceMs: 1 });
  atEnd(() => dir.stop());
  return { engine, dir, folder, lines, write, touch: () => told.change(), fail: () => told.error(new Error('no watch left')) };
}

const versions = (engine: OrchestrationEngine, name: string): number => engine.workflows.find(name)?.version ?? 0;

describe('workflows folder', () => {
  it('loads every definition once, named after its file unless it names itself', async () => {
    const { engine, dir } = await setup({
      'greet.yaml': GREET,
      'b.yml': `name: named\n${GREET}`,
      'c.json': JSON.stringify({ steps: [{ id: 'a', task: 'log' }] }),
      'notes.md': 'no workflow',
      '.hidden.yaml': 'nor: this',
    });
    await dir.start();
    expect([...engine.workflows.names()].sort()).toEqual(['c', 'greet', 'named']);
    expect((await engine.executeWorkflow({ name: 'greet' })).status).toBe('completed');
    await dir.tick();
    expect([versions(engine, 'greet'), versions(engine, 'named'), dir.warnings()]).toEqual([1, 1, []]);
  });

  it('makes a new version of a changed file when it is told of the change', async () => {
    const { engine, dir, write, touch } = await setup({ 'greet.yaml': GREET });
    await dir.start();
    const made = nextEvent(engine, 'workflow_created', (event) => event.data.version === 2);
    write('greet.yaml', 'steps: [{id: a, task: log, with: {message: hello}}]');
    touch();
    touch();
    expect((await made).data).toMatchObject({ workflow: 'greet' });
    // What only looks different is the same version.
    write('greet.yaml', '# comment\nsteps:\n  - id: a\n    task: log\n    with: {message: hello}\n');
    await dir.tick();
    expect(versions(engine, 'greet')).toBe(2);
  });

  it('lets a version made by other means stand until the file changes', async () => {
    const { engine, dir, write } = await setup({ 'greet.yaml': GREET });
    await dir.start();
    await engine.workflows.create({ name: 'greet', steps: [{ id: 'other', task: 'log' }] });
    await dir.tick();
    expect(versions(engine, 'greet')).toBe(2);
    write('greet.yaml', `${GREET}\ndescription: now`);
    await dir.tick();
    expect(versions(engine, 'greet')).toBe(3);
  });

  it('tells what is wrong with a file, keeps the last good version, and forgets the fault when it is mended', async () => {
    const { engine, dir, lines, write } = await setup({
      'bad.yaml': 'steps: [{id: a, tsk: log}]',
      'broken.json': '{"steps": [',
      'latin.yaml': Buffer.from([0xff, 0xfe, 0x41]),
      'huge.yaml': 'x'.repeat(8 * 1024 * 1024 + 1),
      'no name!.yaml': GREET,
      'one.yaml': `name: same\n${GREET}`,
      'two.yaml': `name: same\n${GREET}`,
      'empty.yaml': '',
    });
    await dir.start();
    expect(engine.workflows.names()).toEqual(['same']);
    const told = (file: string): string | undefined => dir.warnings().find((line) => line.startsWith(`Workflow file ${file}:`));
    expect(told('bad.yaml')).toMatch(/tsk/);
    expect(told('broken.json')).toMatch(/line 1/);
    expect(told('latin.yaml')).toMatch(/UTF-8/);
    expect(told('huge.yaml')).toMatch(/8388609 bytes/);
    expect(told('no name!.yaml')).toMatch(/no workflow name/);
    expect(told('two.yaml')).toMatch(/same is defined by one\.yaml/);
    expect(told('empty.yaml')).toMatch(/empty/);
    const warned = lines.length;
    await dir.tick();
    expect(lines).toHaveLength(warned);
    write('bad.yaml', GREET);
    await dir.tick();
    expect([told('bad.yaml'), versions(engine, 'bad')]).toEqual([undefined, 1]);
    write('bad.yaml', 'steps: nonsense');
    await dir.tick();
    expect([told('bad.yaml') === undefined, versions(engine, 'bad')]).toEqual([false, 1]);
  });

  it('survives a folder that is not there, comes back, loses its watch, and holds odd things', async () => {
    const { engine, dir, folder, lines, fail } = await setup();
    rmSync(folder, { recursive: true });
    await dir.start();
    expect(dir.warnings()).toMatchObject([expect.stringContaining('cannot be read (ENOENT)')]);
    expect((await refusal(dir.diff())).path).toBe('workflowsDir');
    mkdirSync(join(folder, 'sub.yaml'), { recursive: true });
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling.yaml'));
    writeFileSync(join(folder, 'greet.yaml'), GREET);
    writeFileSync(join(folder, 'locked.yaml'), GREET);
    chmodSync(join(folder, 'locked.yaml'), 0);
    await dir.tick();
    expect(versions(engine, 'greet')).toBe(1);
    if (process.getuid?.() !== 0) expect(dir.warnings()).toMatchObject([expect.stringContaining('locked.yaml: It cannot be read (EACCES)')]);
    fail();
    expect(lines.at(-1)?.msg).toMatch(/no longer watched/);
    rmSync(join(folder, 'greet.yaml'));
    await dir.tick();
    expect(lines.some((line) => /stored workflow stays/.test(String(line.msg)))).toBe(true);
    expect(versions(engine, 'greet')).toBe(1);
  });

  it('compares without storing', async () => {
    const { engine, dir, write } = await setup({ 'same.yaml': GREET, 'old.yaml': 'steps: [{id: a, task: log}, {id: b, task: log}]' });
    await dir.start();
    await dir.stop();
    write('old.yaml', 'steps: [{id: a, task: echo, with: {value: 1}}, {id: c, task: log}]');
    write('new.yaml', GREET);
    write('wrong.yaml', 'steps: [{id: a, task: lgo}]');
    const diff = await dir.diff();
    expect(diff.map(({ file, status, version }) => [file, status, version])).toEqual([
      ['new.yaml', 'new', null],
      ['old.yaml', 'changed', 1],
      ['same.yaml', 'unchanged', 1],
      ['wrong.yaml', 'invalid', null],
    ]);
    expect(diff[1]?.steps).toEqual({ added: ['c'], removed: ['b'], changed: ['a'] });
    expect(diff[3]?.faults[0]).toMatchObject({ path: 'steps[0].task', nearMatches: ['log'] });
    expect([engine.workflows.find('new'), versions(engine, 'old')]).toEqual([null, 1]);
  });

  it('is part of an engine that runs jobs: loaded at start, watched for real, shown in the status', async () => {
    const workflowsDir = tempFolder();
    writeFileSync(join(workflowsDir, 'greet.yaml'), GREET);
    writeFileSync(join(workflowsDir, 'bad.yaml'), 'steps: []');
    const engine = await engineFor({ workflowsDir });
    expect(versions(engine, 'greet')).toBe(1);
    expect(engine.getSystemStatus()).toMatchObject({ health: 'degraded', warnings: [expect.stringContaining('Workflow file bad.yaml')] });
    const made = nextEvent(engine, 'workflow_created');
    writeFileSync(join(workflowsDir, 'bad.yaml'), GREET);
    expect((await made).data).toMatchObject({ workflow: 'bad' });
    const client = await engineFor({ workflowsDir }, { role: 'client' });
    expect(client.workflows.names()).toEqual([]);
    expect((await client.workflowsDir?.diff())?.map(({ status }) => status)).toEqual(['new', 'new']);
  });
});
