// The example files, run on real input: a web server of our own, and this checkout.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atEnd, engineFor } from '../support/test-engine.ts';

const root = join(import.meta.dirname, '..', '..');
const example = (name: string): string => readFileSync(join(root, 'examples', `${name}.yaml`), 'utf8');

describe('resilient-fetch', () => {
  it('retries what is worth it, tolerates the rest, and sums up', async () => {
    const asked = new Map<string, number>();
    const server = createServer((request, response) => {
      const path = request.url ?? '/';
      asked.set(path, (asked.get(path) ?? 0) + 1);
      // One page fails once and then works; one does not exist.
      response.statusCode = path === '/gone' ? 404 : path === '/flaky' && asked.get(path) === 1 ? 503 : 200;
      response.end(`page ${path}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const engine = await engineFor({ http: { allowAddresses: [`127.0.0.1:${port}`] } });
    const urls = ['/1', '/2', '/3', '/flaky', '/gone'].map((path) => `http://127.0.0.1:${port}${path}`);
    const result = await engine.executeWorkflow({ definition: example('resilient-fetch'), input: { urls } });
    expect(result).toMatchObject({ status: 'completed', output: { fetched: 4, failed: 1 } });
    expect(Object.fromEntries(asked)).toEqual({ '/1': 1, '/2': 1, '/3': 1, '/flaky': 2, '/gone': 1 });
    expect(engine.backend.getStep({ executionId: result.executionId, stepId: 'complain' })?.status).toBe('completed');
  });
});

describe('repository-report', () => {
  it('counts what git counts, in this checkout', async () => {
    const commits = Number(execFileSync('git', ['-C', root, 'rev-list', '--count', 'HEAD'], { encoding: 'utf8' }).trim());
    const allow = [{ argv: ['git', 'log', '--format=*', '--', '*'] }, { argv: ['git', 'log', '--format=*'] }, { argv: ['git', 'ls-files'] }];
    const engine = await engineFor({ shell: { root, allow } }, { env: process.env });
    await engine.workflows.create(example('folder-report'));
    const result = await engine.executeWorkflow({ definition: example('repository-report'), input: { pause: '1ms' } });
    expect(result).toMatchObject({ status: 'completed', error: null });
    const { artifact, folders } = result.output as { artifact: { id: string; mediaType: string }; folders: number };
    expect(artifact.mediaType).toBe('text/markdown');
    const report = new TextDecoder().decode(engine.backend.getArtifact({ id: artifact.id, offset: 0, limit: 1_000_000 })?.content);
    expect(report).toContain(`${commits} commit(s)`);
    const children = engine.backend.childrenOf({ executionId: result.executionId, limit: 100 });
    expect([children.length, new Set(children.map((child) => child.status))]).toEqual([folders, new Set(['completed'])]);
    expect(report.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| folder'))).toHaveLength(folders);
  });
});
