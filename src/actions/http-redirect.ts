// Owns how a redirect is followed: headers and bodies a user gave for one origin never reach another.
import type { Response } from 'undici';
import { LogisticsError } from '../domain/errors.ts';

export interface Hop {
  readonly url: URL;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

// fetch itself drops authorization and cookie only; keys travel in x-api-key and the like just as often.
const HEADERS_FOR_ANYBODY = ['accept', 'accept-language', 'user-agent'];
const BODY_HEADERS = ['content-type', 'content-encoding', 'content-language', 'content-location'];

/** Sends the request and follows up to `limit` redirects; with limit 0 the first reply is the result. */
export async function followRedirects(first: Hop, limit: number, send: (hop: Hop) => Promise<Response>): Promise<{ response: Response; url: URL }> {
  let hop = first;
  for (let followed = 0; ; followed++) {
    const response = await send(hop);
    const location = [301, 302, 303, 307, 308].includes(response.status) ? response.headers.get('location') : null;
    if (location === null || limit === 0) return { response, url: hop.url };
    await response.body?.cancel();
    if (followed >= limit) {
      throw new LogisticsError('network', `${first.url.origin} redirected more than ${limit} times.`, {
        retryable: false,
        details: { redirects: limit, last: hop.url.origin },
      });
    }
    hop = nextHop(hop, response.status, location);
  }
}

function nextHop(hop: Hop, status: number, location: string): Hop {
  const url = URL.canParse(location, hop.url.href) ? new URL(location, hop.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new LogisticsError('address_refused', `${hop.url.origin} redirects to something that is no http or https URL.`, { path: 'url' });
  }
  url.hash = '';
  url.username = '';
  url.password = '';
  const becomesGet = (status === 303 && hop.method !== 'HEAD') || (status <= 302 && hop.method === 'POST');
  const sameOrigin = url.origin === hop.url.origin;
  if (!sameOrigin && !becomesGet && hop.body !== undefined) {
    throw new LogisticsError('not_allowed', `${hop.url.origin} redirects to ${url.origin}, and a body is not sent on to another origin.`, {
      path: 'url',
      nextActions: ['Call the final URL directly if it is trusted with the body.'],
      details: { from: hop.url.origin, to: url.origin, status },
    });
  }
  const keep = ([name]: [string, string]): boolean => (sameOrigin || HEADERS_FOR_ANYBODY.includes(name)) && !(becomesGet && BODY_HEADERS.includes(name));
  return {
    url,
    method: becomesGet ? 'GET' : hop.method,
    headers: Object.fromEntries(Object.entries(hop.headers).filter(keep)),
    body: becomesGet ? undefined : hop.body,
  };
}
