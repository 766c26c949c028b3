// Owns that the documents lead somewhere: links, cited tests, generated parts that are fresh, and words that a reader can trust.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { STEP_MOVES } from '../../scripts/docs/state-charts.ts';
import { createProgram } from '../../src/cli/program.ts';
import { STEP_STATUSES } from '../../src/domain/workflow-execution.ts';
import { toolSpecs } from '../../tools/registry.ts';
import { DOCUMENTS, linkedFiles, read, root, SUBMODULES } from './documents.ts';

const run = promisify(execFile);

describe('every document', () => {
  it.each(DOCUMENTS)('%s links to files that exist', (path) => {
    expect(linkedFiles(path).filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });

  it.each(DOCUMENTS)('%s names only files that exist', (path) => {
    const named = [...read(path).matchAll(/`((?:src|tools|test|bench|scripts|examples|docs|bin)\/[\w./-]+\.(?:ts|js|md|yaml))`/g)].map(
      ([, file]) => file as string,
    );
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it.each(DOCUMENTS.filter((path) => path !== 'API_SPECIFICATION.md'))('%s names headings of other documents that exist', (path) => {
    for (const [, file, heading] of read(path).matchAll(/\]\(([\w./-]+\.md)#([\w-]+)\)/g)) {
      const headings = [...read(file as string).matchAll(/^#+ (.+)$/gm)].map(([, text]) => (text as string).toLowerCase().replaceAll(' ', '-'));
      expect(headings).toContain(heading);
    }
  });
});

describe.each(SUBMODULES)('the SPEC of %s', (folder) => {
  const lines = read(`${folder}/SPEC.md`)
    .split('\n')
    .filter((line) => /^\d+\. /.test(line));

  it('numbers its behaviours, and cites a test for each', () => {
    expect(lines.map((line) => Number.parseInt(line, 10))).toEqual(lines.map((_, at) => at + 1));
    expect(lines.filter((line) => !/\]\((?:\.\.\/)+test\/[\w./-]+\.ts\)/.test(line))).toEqual([]);
  });
});

describe('the generated documents', () => {
  it('are what the code says', { timeout: 60_000 }, async () => {
    await run(process.execPath, ['scripts/generate-docs.ts', '--check'], { cwd: root });
  });

  it('have every tool, and every state of a step with a way into it', () => {
    for (const { name } of toolSpecs) expect(read('API_SPECIFICATION.md')).toContain(`\n### ${name}\n`);
    const reached = new Set(Object.values(STEP_MOVES).flatMap((moves) => moves.map(([to]) => to)));
    expect(STEP_STATUSES.filter((status) => !reached.has(status))).toEqual([]);
  });
});

describe('the README', () => {
  const text = read('README.md');

  it('starts with the two commands that do everything', () => {
    const [first] = text.match(/```sh\n[\s\S]*?```/) ?? [''];
    expect(first).toMatch(/npm ci && npm run demo[\s\S]*npm ci && npm test/);
    expect(text.indexOf(first)).toBeLessThan(1_000);
  });

  it('names commands that exist', () => {
    const io = {
      stdout: { write: () => true },
      stderr: { write: () => true },
      context: { env: {}, cwd: '/', homeDir: '/' },
      now: () => 0,
      program: [],
      onInterrupt: () => () => undefined,
      exit: () => undefined,
    };
    const known = createProgram(io, () => undefined).commands.map((command) => command.name());
    const used = [...text.matchAll(/^logistics-mcp (\w+)/gm)].map(([, name]) => name as string);
    expect(used.length).toBeGreaterThan(3);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('and AGENTS.md name npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const used = [...`${text}${read('AGENTS.md')}`.matchAll(/npm run (\w+)/g)].map(([, name]) => name as string);
    expect(used.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('says of folders that they are missing only while they are', () => {
    const folders = readdirSync(join(root, 'src'));
    const missing = text.slice(text.indexOf('## Not built yet'));
    for (const name of ['routing', 'optimization', 'tracking']) expect([name, folders.includes(name)]).toEqual([name, !missing.includes(name)]);
  });
});
