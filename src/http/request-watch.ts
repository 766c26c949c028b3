// Owns what is kept of each request: an id that its log lines share, one line at its end, and its place in the metrics.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../domain/log.ts';
import type { Metrics } from '../observe/metrics.ts';

export const REQUEST_ID = 'x-request-id';
/** As proxies make them; anything else could write into the log what it likes. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}$/;

export interface WatchedRequest {
  /** Where it led: one of our paths, or `other`. */
  route: string;
}

export class RequestWatch {
  readonly #metrics: Metrics;
  readonly #logger: Logger;

  constructor({ metrics, logger }: { readonly metrics: Metrics; readonly logger: Logger }) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** Gives the request an id, which the answer carries too, and looks at it again when its answer has ended. */
  begin(request: IncomingMessage, response: ServerResponse): WatchedRequest {
    const startedAt = performance.now();
    const watched: WatchedRequest = { route: 'other' };
    const given = request.headers[REQUEST_ID];
    const id = typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID();
    request.headers[REQUEST_ID] = id;
    response.setHeader(REQUEST_ID, id);
    this.#metrics.requestBegan();
    response.once('close', () => {
      const figure = { method: request.method ?? '', route: watched.route, status: response.statusCode, ms: performance.now() - startedAt };
      this.#metrics.requestEnded(figure);
      this.#logger.debug({ request_id: id, ...figure, ms: Math.round(figure.ms * 100) / 100 }, 'request');
    });
    return watched;
  }

  /** The answer is an event stream. */
  streamBegan(response: ServerResponse): void {
    this.#metrics.streamBegan();
    response.once('close', () => this.#metrics.streamEnded());
  }
}
