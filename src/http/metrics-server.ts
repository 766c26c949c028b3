// Owns the metrics of a process that serves nothing else: a page on loopback with health beside it, for programs of this machine.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LogisticsError } from '../domain/errors.ts';
import { Metrics } from '../observe/metrics.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { AddressCheck } from './address-check.ts';
import { refuse, refuseMethod, sendJson, sendText } from './reply.ts';
import { pathOf } from './route-table.ts';

const HOST = '127.0.0.1';
const CHECK = new AddressCheck({ host: HOST, allowedHosts: [], allowedOrigins: [], publicUrl: null });

export interface MetricsServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Shows the namespace of the engine. `port` 0: any free one. Throws conflict when the port is taken. */
export async function startMetricsServer(engine: OrchestrationEngine, port: number): Promise<MetricsServer> {
  const metrics = await Metrics.open();
  const server = createServer((request, response) => {
    answer(engine, metrics, request, response).catch((error: unknown) => {
      engine.logger.error({ err: error }, 'a scrape failed');
      refuse(response, { status: 500, code: 'internal', message: 'The process failed; its log says why.' });
    });
  });
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new LogisticsError('conflict', `${HOST}:${port} cannot be listened on (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`, {
      path: 'metrics.port',
      nextActions: ['Choose another port: each process needs one of its own.'],
      cause,
    });
  }
  // Who is scraped is not kept alive by it.
  server.unref();
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(engine: OrchestrationEngine, metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host, origin } = request.headers;
  if (!CHECK.allowsHost(host) || !CHECK.allowsOrigin(origin, host))
    return refuse(response, { status: 403, code: 'not_allowed', message: 'Only programs of this machine are served here.' });
  const path = pathOf(request.url ?? '/');
  if (!['/metrics', '/healthz', '/readyz'].includes(path))
    return refuse(response, { status: 404, code: 'not_found', message: 'There are /metrics, /healthz and /readyz here.' });
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuseMethod(response, ['GET', 'HEAD']);
  if (path === '/healthz') return sendText(response, 200, 'ok\n');
  if (path === '/readyz') {
    const fault = engine.readiness();
    return sendJson(response, fault === null ? 200 : 503, fault === null ? { ready: true } : { ready: false, code: fault.code });
  }
  const { backend, namespace, now, runningHere, version } = engine;
  await backend.refresh?.();
  const { type, text } = await metrics.scrape({ backend, namespace, now, process: { running: runningHere, version, writers: [backend.writerState()] } });
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
}
