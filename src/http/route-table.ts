// Owns which path leads where: whole paths, and folders whose owner knows what lies in them.
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

export interface Route {
  /** A path such as /readyz, or a folder such as /api/v1/* with all that lies in it. */
  readonly path: string;
  /** Null: whoever serves it refuses the others. */
  readonly methods: readonly string[] | null;
  readonly serve: Serve;
}

const FOLDER = '/*';

export class RouteTable {
  readonly #paths = new Map<string, Route>();
  readonly #folders: (readonly [prefix: string, route: Route])[] = [];

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      if (route.path.endsWith(FOLDER)) this.#folders.push([route.path.slice(0, -1), route]);
      else this.#paths.set(route.path, route);
    }
  }

  /** By the address as it was sent: nothing is decoded or resolved, so a path has one spelling. */
  find(url: string): Route | undefined {
    const path = pathOf(url);
    return this.#paths.get(path) ?? this.#folders.find(([prefix]) => path.startsWith(prefix))?.[1];
  }
}

export function pathOf(url: string): string {
  return url.split('?', 1)[0] as string;
}
