// Owns what happens to the children and to the server of a run: the next fault is drawn by chance, and done when it makes sense.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, Children } from './children.ts';
import type { Chance } from './random.ts';
import { FAULTS, type Fault, type Site } from './site.ts';

/** Longer than the lease of a process and the first sweep after it. */
const FREEZE_MS = [2_500, 4_000] as const;
const FROZEN_AT_MOST = 2;
const KILL_WHILE_STARTING = 0.1;
/** What the dead alone knew of is not asked back from a server that dies with them: the others have heard of it by then. */
const HEARD_MS = 500;
/** After a power cut those who live give back what is lost: whoever had an answer within the exposed second must still be there. */
const EXPOSED_MS = 1_500;

export class Faults {
  readonly counts: Record<Fault, number> = { worker: 0, agent: 0, machine: 0, freeze: 0, cut: 0, redis: 0, power: 0 };
  readonly #site: Site;
  readonly #children: Children;
  readonly #chance: Chance;
  readonly #thaws = new Set<NodeJS.Timeout>();
  #lastDeath = 0;

  constructor(site: Site, children: Children, chance: Chance) {
    this.#site = site;
    this.#children = children;
    this.#chance = chance;
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, n) => sum + n, 0);
  }

  /** Draws one and does it. */
  async next(): Promise<void> {
    const fault = this.#drawn();
    const happened = await this.#strike(fault);
    // What makes no sense now (nobody to freeze, no second machine) is a plain kill.
    if (!happened) await this.#kill('load');
    this.counts[happened ? fault : 'worker']++;
  }

  /** Lets the frozen go on. */
  thawAll(): void {
    for (const timer of this.#thaws) clearTimeout(timer);
    this.#thaws.clear();
    for (const child of this.#children.live) this.#children.thaw(child);
  }

  #drawn(): Fault {
    const { weights } = this.#site;
    let at = this.#chance.next() * FAULTS.reduce((sum, fault) => sum + (weights[fault] ?? 0), 0);
    for (const fault of FAULTS) {
      at -= weights[fault] ?? 0;
      if (at < 0) return fault;
    }
    return 'worker';
  }

  async #strike(fault: Fault): Promise<boolean> {
    switch (fault) {
      case 'worker':
        return this.#kill('load');
      case 'agent':
        return this.#kill('agent');
      case 'machine':
        return this.#loseMachine();
      case 'freeze':
        return this.#freeze();
      default:
        return this.#strikeServer(fault);
    }
  }

  async #kill(mode: 'load' | 'agent'): Promise<boolean> {
    const victims = this.#children.live.filter((child) => child.mode === mode && !child.frozen);
    if (victims.length === 0) return false;
    const victim = this.#chance.pick(victims);
    if (this.#chance.next() < KILL_WHILE_STARTING) await sleep(this.#chance.int(5, 300));
    else if (await victim.ready) await sleep(this.#chance.int(50, 400));
    await this.#end(victim);
    return true;
  }

  async #end(victim: Child): Promise<void> {
    await this.#children.kill(victim);
    this.#lastDeath = performance.now();
  }

  /** A machine burns: its processes and its disk. */
  async #loseMachine(): Promise<boolean> {
    const victim = await this.#someWorker();
    if (victim === null) return false;
    const there = this.#children.live.filter((child) => child.dataDir === victim.dataDir);
    if (there.length === this.#children.live.length) return false;
    await sleep(this.#chance.int(50, 400));
    await Promise.all(there.map((child) => this.#end(child)));
    rmSync(victim.dataDir, { recursive: true, force: true });
    return true;
  }

  async #freeze(): Promise<boolean> {
    const victim = await this.#someWorker();
    if (victim === null || this.#children.live.filter((child) => child.frozen).length >= FROZEN_AT_MOST) return false;
    await sleep(this.#chance.int(50, 300));
    this.#children.freeze(victim);
    this.#lastDeath = performance.now();
    const timer = setTimeout(
      () => {
        this.#thaws.delete(timer);
        this.#children.thaw(victim);
      },
      this.#chance.int(...FREEZE_MS),
    );
    this.#thaws.add(timer);
    return true;
  }

  async #strikeServer(fault: 'cut' | 'redis' | 'power'): Promise<boolean> {
    await sleep(this.#chance.int(50, 400));
    if (fault !== 'cut') {
      if ((await this.#someWorker()) === null) return false;
      await this.#quiet(fault === 'redis' ? HEARD_MS : EXPOSED_MS);
    }
    await this.#site.strike(fault, this.#chance.next);
    return true;
  }

  /** One that works, or will in a moment. */
  async #someWorker(): Promise<Child | null> {
    const awake = this.#children.live.filter((child) => child.mode === 'load' && !child.frozen);
    if (awake.length === 0) return null;
    const child = this.#children.working.find((one) => awake.includes(one)) ?? this.#chance.pick(awake);
    return (await child.ready) ? child : null;
  }

  async #quiet(ms: number): Promise<void> {
    const left = this.#lastDeath + ms - performance.now();
    if (left > 0) await sleep(left);
  }
}
