// The image: what it copies exists, reaches the build, and is enough for it; its parts are those of the package.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { read, root } from '../docs/documents.ts';
import { tempFolder } from '../support/test-engine.ts';

const lines = read('Dockerfile').split('\n');
const about = JSON.parse(read('package.json')) as { readonly devDependencies: Readonly<Record<string, string>>; readonly engines: { readonly node: string } };

/** Sources of COPY from the build context, by the stage they are copied in. */
function copied(): Map<string, string[]> {
  const stages = new Map<string, string[]>();
  let stage = '';
  for (const line of lines) {
    stage = /^FROM \S+(?: AS (\w+))?/.exec(line)?.[1] ?? (line.startsWith('FROM ') ? 'last' : stage);
    const sources = /^COPY (?!--from)(.*) \S+$/.exec(line)?.[1]?.split(' ') ?? [];
    stages.set(stage, [...(stages.get(stage) ?? []), ...sources]);
  }
  return stages;
}

it('copies only what exists and is not kept out of the build', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  const sources = [...copied().values()].flat();
  expect(sources).not.toHaveLength(0);
  for (const source of sources) {
    expect(existsSync(join(root, source)), source).toBe(true);
    expect(allowed).toContain(source);
  }
  // Nothing is let in that nobody copies.
  expect([...new Set(sources)].sort()).toEqual([...allowed].sort());
});

it('runs as a user without rights, on a Node that is new enough, with its data in a volume and a look at its health', () => {
  const [, major = '0'] = /^FROM node:(\d+)/m.exec(read('Dockerfile')) ?? [];
  expect(Number(major)).toBeGreaterThan(Number(/\d+/.exec(about.engines.node)?.[0]));
  expect(lines).toEqual(expect.arrayContaining(['USER node', 'VOLUME /data', 'ENTRYPOINT ["node", "/app/bin/logistics-mcp.js"]']));
  expect(read('Dockerfile')).toMatch(/HEALTHCHECK[\s\S]*\/healthz/);
  expect(read('Dockerfile')).toContain(`ioredis@${about.devDependencies.ioredis}`);
});

it('what the build stage copies is enough to build the program, and the last stage to start it', async () => {
  const stages = copied();
  const build = tempFolder();
  for (const name of stages.get('build') ?? [])
    cpSync(join(root, name), join(build, name), { recursive: true, filter: (path) => !/node_modules/.test(path.slice(root.length)) });
  symlinkSync(join(root, 'node_modules'), join(build, 'node_modules'));
  await promisify(execFile)(process.execPath, ['scripts/build.js'], { cwd: build });
  const image = tempFolder();
  for (const name of stages.get('last') ?? []) cpSync(join(root, name), join(image, name), { recursive: true });
  cpSync(join(build, 'dist'), join(image, 'dist'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(image, 'node_modules'));
  const { stdout } = await promisify(execFile)(process.execPath, ['bin/logistics-mcp.js', '--version'], { cwd: image });
  expect(stdout.trim()).toBe(VERSION);
}, 120_000);
