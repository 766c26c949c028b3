// Owns who sees which metrics: the user of this machine and an admin all of them, anybody else those of its own namespace in the store.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LOCAL, type Principal } from '../domain/access.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { VERSION } from '../version.ts';

export interface ScrapePageParts {
  readonly metrics: Metrics;
  readonly engineOf: (principal: Principal) => Promise<OrchestrationEngine>;
  readonly engines: () => readonly OrchestrationEngine[];
  readonly now: () => number;
}

export class ScrapePage {
  readonly #p: ScrapePageParts;

  constructor(parts: ScrapePageParts) {
    this.#p = parts;
  }

  async serve({ response, principal }: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly principal: Principal }): Promise<void> {
    const { metrics, engineOf, engines, now } = this.#p;
    const seesAll = principal.id === LOCAL || principal.scopes.has('admin');
    const { backend } = await engineOf(principal);
    await backend.refresh?.();
    const ready = engines();
    const { type, text } = await metrics.scrape({
      backend,
      now: now(),
      ...(seesAll
        ? {
            process: {
              version: VERSION,
              running: ready.reduce((sum, engine) => sum + engine.runningHere, 0),
              writers: ready.map((engine) => engine.backend.writerState()),
            },
          }
        : { namespace: principal.namespace }),
    });
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
  }
}
