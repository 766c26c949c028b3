// Owns the engines of a server: one that works for each namespace that somebody has a token for, all on the same store.
import type { Config } from '../config/normal-form.ts';
import { LOCAL, type Principal } from '../domain/access.ts';
import { LogisticsError } from '../domain/errors.ts';
import { type OpenOptions, openEngineWith } from '../open-engine.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

const MAX_NAMESPACES = 100;

export class Engines {
  readonly #config: Config;
  readonly #options: OpenOptions;
  readonly #open = new Map<string, Promise<OrchestrationEngine>>();
  readonly #ready = new Set<OrchestrationEngine>();
  #stopped = false;

  /** `options` without role, which is decided here. */
  constructor(config: Config, options: OpenOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** The engine of the user of this machine, who needs no token and sees everything. */
  local(): Promise<OrchestrationEngine> {
    return this.#once(LOCAL, this.#config.namespace, { role: 'worker', confined: false });
  }

  /** The engine that runs jobs of a namespace; opened with the first call. Its callers see nothing of other namespaces. */
  working(namespace: string): Promise<OrchestrationEngine> {
    if (!this.#isShared() && namespace !== this.#config.namespace) {
      return Promise.reject(
        new LogisticsError('not_available', `A store in memory serves one namespace, ${this.#config.namespace}.`, {
          path: 'store',
          nextActions: ['Use the store sqlite, or a token of this namespace.'],
        }),
      );
    }
    const home = namespace === this.#config.namespace && this.#open.has(LOCAL);
    // In memory there is but one store, and its engine is the one that is there.
    if (home && !this.#isShared()) return this.local();
    return this.#once(`in ${namespace}`, namespace, { role: home ? 'client' : 'worker', confined: true });
  }

  /** The engine whose objects this principal may see. */
  async of(principal: Principal): Promise<OrchestrationEngine> {
    if (principal.id === LOCAL) return this.local();
    const working = await this.working(principal.namespace);
    // A store in memory belongs to one engine, and holds one namespace.
    if (!principal.scopes.has('admin') || !this.#isShared()) return working;
    return this.#once(`over ${principal.namespace}`, principal.namespace, { role: 'client', confined: false });
  }

  /** Those that are open now. */
  get ready(): readonly OrchestrationEngine[] {
    return [...this.#ready];
  }

  /** Stops all of them; from now on none is opened. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const open = await Promise.allSettled(this.#open.values());
    await Promise.all(open.map((each) => (each.status === 'fulfilled' ? each.value.stop() : undefined)));
  }

  #isShared(): boolean {
    return this.#config.store !== 'in_memory';
  }

  #once(key: string, namespace: string, own: Pick<OpenOptions, 'role' | 'confined'>): Promise<OrchestrationEngine> {
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    if (this.#stopped) return Promise.reject(new LogisticsError('shutting_down', 'This server is stopping.'));
    if (this.#open.size >= MAX_NAMESPACES)
      return Promise.reject(new LogisticsError('limit_exceeded', `This server works for ${MAX_NAMESPACES} namespaces already.`, { path: 'namespace' }));
    const home = namespace === this.#config.namespace;
    const config = { ...this.#config, namespace, ...(home ? {} : { workflowsDir: null, outlets: [] }) };
    const opening = openEngineWith(config, { ...this.#options, ...own });
    opening.then(
      (engine) => this.#ready.add(engine),
      // Tried again by the next call.
      () => this.#open.delete(key),
    );
    this.#open.set(key, opening);
    return opening;
  }
}
