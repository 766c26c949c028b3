// Owns the truth of the examples in the documents: what is marked as runnable runs, and prints what it says.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { callTool } from '../../tools/call-tool.ts';
import { toolSpecs, toolsOfSets } from '../../tools/registry.ts';
import { httpPlace } from '../support/http-server.ts';
import { AGENT, engineFor, HUMAN } from '../support/test-engine.ts';
import { root, runnableBlocks, SUBMODULES } from './documents.ts';

const run = promisify(execFile);

/** Runs a program text in a process of its own; gives the lines it prints. */
async function printed(text: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'logistics-docs-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const file = join(folder, 'example.ts');
    writeFileSync(file, text.replaceAll("'logistics-mcp'", `'${pathToFileURL(join(root, 'src/index.ts')).href}'`));
    const { stdout } = await run(process.execPath, [file], { cwd: folder });
    return stdout.trimEnd().split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const promised = (text: string): string[] => [...text.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => line as string);
const programs = ['README.md', ...SUBMODULES.map((folder) => `${folder}/README.md`)].flatMap((path) =>
  runnableBlocks(path)
    .filter((block) => block.language === 'ts')
    .map((block) => [path, block.text] as const),
);

describe('programs', () => {
  it('there is one in each README', () => {
    expect(programs.map(([path]) => path)).toEqual(['README.md', ...SUBMODULES.map((folder) => `${folder}/README.md`)]);
  });

  it.each(programs)('of %s print what they say', async (_path, text) => {
    expect(promised(text).length).toBeGreaterThan(0);
    expect(await printed(text)).toEqual(promised(text));
  });
});

describe('the README', () => {
  it('has a workflow that runs to its end once a person has approved', async () => {
    const [block] = runnableBlocks('README.md').filter((each) => each.language === 'yaml');
    const engine = await engineFor();
    const { executionId } = await engine.workflows.start({ definition: block?.text, input: JSON.parse(block?.argument ?? '{}') }, HUMAN);
    await engine.wait({ ids: [executionId], until: 'waiting', timeoutMs: 10_000 });
    expect(engine.backend.getExecution(executionId)?.status).toBe('waiting');
    await engine.tasks.approve(executionId, { approved: true }, HUMAN);
    expect(await engine.wait({ ids: [executionId], timeoutMs: 10_000 })).toBe('met');
    expect(engine.backend.getOutput({ executionId, stepId: null })).toEqual({ lines: ['- search', '- export'], approved: true });
    expect(engine.backend.getStep({ executionId, stepId: 'publish' })?.status).toBe('completed');
    expect(engine.backend.listArtifacts({ executionId }).map((artifact) => artifact.name)).toEqual(['release-notes.md']);
  });

  it('has a first conversation that works call by call', async () => {
    const [block] = runnableBlocks('README.md').filter((each) => each.language === 'json');
    const calls = JSON.parse(block?.text ?? '[]') as { tool: string; arguments: JsonObject }[];
    const engine = await engineFor();
    const replies: JsonObject[] = [];
    let id = '';
    for (const { tool, arguments: args } of calls) {
      const spec = toolSpecs.find((each) => each.name === tool);
      if (spec === undefined) throw new Error(`there is no tool ${tool}`);
      const filled = JSON.parse(JSON.stringify(args).replaceAll('exec_…', id)) as { definition?: unknown };
      if (filled.definition === '… the same …') filled.definition = calls[0]?.arguments.definition;
      const reply = await callTool(spec, { engine, caller: AGENT }, filled);
      if (typeof reply.execution_id === 'string') id = reply.execution_id;
      replies.push(reply);
    }
    expect(replies.map((reply) => reply.valid ?? reply.met ?? null)).toEqual([true, true, null, true, null]);
    expect(replies.at(-1)).toMatchObject({ output: 'Hello Ada, Hello Grace' });
  });

  it('has work for an agent that works call by call', async () => {
    const [, block] = runnableBlocks('README.md').filter((each) => each.language === 'json');
    const calls = JSON.parse(block?.text ?? '[]') as { tool: string; arguments: JsonObject }[];
    const engine = await engineFor();
    const known: Record<string, string> = {};
    const replies: JsonObject[] = [];
    for (const { tool, arguments: args } of calls) {
      const spec = toolsOfSets(['workers']).find((each) => each.name === tool);
      if (spec === undefined) throw new Error(`there is no tool ${tool}`);
      const filled = JSON.stringify(args).replace(/(wrk|job)_…/g, (prefix) => known[prefix] ?? prefix);
      const reply = await callTool(spec, { engine, caller: AGENT }, JSON.parse(filled));
      for (const id of [reply.job_id, reply.worker_id]) if (typeof id === 'string') known[`${id.split('_')[0]}_…`] = id;
      replies.push(reply);
    }
    expect(replies).toMatchObject([{ status: 'pending' }, { leases: [{ lease_token: 1 }] }, { status: 'running' }, { status: 'completed' }]);
  });

  it('has calls over HTTP that work one by one', async () => {
    const block = runnableBlocks('README.md').find((each) => each.language === 'sh' && each.text.includes('/api/v1/'));
    const { url } = await httpPlace();
    const answers: unknown[] = [];
    for (const line of block?.text.trim().split('\n') ?? []) {
      const headers = Object.fromEntries([...line.matchAll(/-H '([^:']+): ([^']+)'/g)].map(([, name, value]) => [name, value]));
      const [, body] = /-d '([^']*)'/.exec(line) ?? [];
      const [, path = ''] = /http:\/\/127\.0\.0\.1:8787(\/[^\s']*)/.exec(line) ?? [];
      const method = /-X (\w+)/.exec(line)?.[1] ?? 'GET';
      const answer = await fetch(url + path, { method, headers: headers as Record<string, string>, ...(body === undefined ? {} : { body }) });
      expect(answer.status).toBe(200);
      if (!line.startsWith('curl -N')) answers.push(await answer.json());
      else {
        const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        while (!text.includes('event: job_completed')) text += (await reader.read()).value ?? '';
        await reader.cancel();
      }
    }
    expect(answers).toMatchObject([{ status: 'completed', result: 'hello' }, { count: 1 }, { health: 'healthy' }]);
  });

  it('has a schedule that works call by call', async () => {
    const block = runnableBlocks('README.md').find((each) => each.language === 'json' && each.text.includes('schedule_cron'));
    const calls = JSON.parse(block?.text ?? '[]') as { tool: string; arguments: JsonObject }[];
    const engine = await engineFor();
    let id = '';
    const replies: JsonObject[] = [];
    for (const { tool, arguments: args } of calls) {
      const spec = toolSpecs.find((each) => each.name === tool);
      if (spec === undefined) throw new Error(`there is no tool ${tool}`);
      const reply = await callTool(spec, { engine, caller: AGENT }, JSON.parse(JSON.stringify(args).replace('sched_…', id)));
      if (typeof reply.schedule_id === 'string') id = reply.schedule_id;
      replies.push(reply);
    }
    expect(replies).toMatchObject([
      { status: 'active', sentence: 'At 09:00 on Monday to Friday, Europe/Berlin time.' },
      { status: 'preview' },
      { status: 'fired' },
      { events: [{ origin: 'trigger', status: 'fired' }] },
      { status: 'active', reasons: [{ code: 'waiting' }] },
      { schedules: { active: 1, next_fire: { name: 'report' } } },
    ]);
  });
});
