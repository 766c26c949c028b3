// The page of metrics of a worker: on loopback, for programs of this machine, gone with the process.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startMetricsServer } from '../../src/http/metrics-server.ts';
import { cliFolder } from '../cli/cli-folder.ts';
import { parseMetrics } from '../support/scrape.ts';
import { atEnd, engineFor } from '../support/test-engine.ts';

function ask(url: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}

describe('the page of a worker', () => {
  it('shows store and process, and refuses what a page of another site could send', async () => {
    const engine = await engineFor();
    const page = await startMetricsServer(engine, 0);
    atEnd(() => page.stop());
    await engine.executeTask({ task: 'echo', payload: { value: 1 } });
    const { value, families } = parseMetrics(await (await fetch(`${page.url}/metrics`)).text());
    expect(value('logistics_store_attempts_total', { namespace: 'test', queue: 'default', task: 'echo', outcome: 'completed' })).toBe(1);
    expect(value('logistics_writable', {})).toBe(1);
    expect(families.has('process_cpu_seconds_total')).toBe(true);
    expect(await (await fetch(`${page.url}/readyz`)).json()).toEqual({ ready: true });
    expect(await ask(page.url, '/metrics', { host: 'evil.example' })).toBe(403);
    expect(await ask(page.url, '/metrics', { origin: 'https://evil.example' })).toBe(403);
    expect(await ask(page.url, '/metrics', {}, 'POST')).toBe(405);
    expect(await ask(page.url, '/mcp')).toBe(404);
    await expect(startMetricsServer(engine, Number(new URL(page.url).port))).rejects.toMatchObject({ code: 'conflict', path: 'metrics.port' });
    await engine.stop();
    expect(await ask(page.url, '/readyz')).toBe(503);
  });

  it('comes with worker --metrics-port, or the key metrics of the configuration', async () => {
    const folder = cliFolder();
    expect((await folder.cli(['worker', '--metrics-port', '70000'])).stderr).toContain('--metrics-port');
    expect((await folder.cli(['worker', '--exec', 'true', '--metrics-port', '0'])).stderr).toContain('does not act with --exec');
    const named = join(folder.work, 'with-metrics.json');
    writeFileSync(named, JSON.stringify({ metrics: { port: 0 } }));
    for (const flags of [
      ['--metrics-port', '0'],
      ['--config', named],
    ]) {
      const running = folder.start(['worker', ...flags, '--json', '--log-level', 'warn']);
      let text = '';
      running.child.stdout?.on('data', (chunk: string) => {
        text += chunk;
      });
      await running.seen('"started"');
      const { metrics } = JSON.parse(text.split('\n').find((line) => line.includes('"started"')) ?? '') as { metrics: string };
      const { value } = parseMetrics(await (await fetch(metrics)).text());
      expect(value('logistics_jobs_running', {})).toBe(0);
      running.child.kill('SIGTERM');
      await once(running.child, 'exit');
      await expect(fetch(metrics)).rejects.toThrow();
    }
  });

  it('of a background host is left out where its port is taken: the work goes on', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    atEnd(() => void taken.close());
    const folder = cliFolder();
    const named = join(folder.work, 'with-metrics.json');
    writeFileSync(named, JSON.stringify({ metrics: { port: (taken.address() as AddressInfo).port }, limits: { hostIdle: 0 } }));
    const { code, stderr } = await folder.start(['host', '--config', named, '--log-level', 'warn']).ended;
    expect([code, stderr]).toEqual([0, expect.stringContaining('this process shows no metrics')]);
  });
});
