// Owns who waits until the replica has a version.

export class Arrivals {
  #waiting: { readonly version: number; readonly resolve: () => void }[] = [];

  /** Resolves when `release` is told this version or a later one. */
  wait(version: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ version, resolve });
    });
  }

  release(version: number): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((waiter) => waiter.version <= version);
    this.#waiting = this.#waiting.filter((waiter) => waiter.version > version);
    for (const { resolve } of ready) resolve();
  }

  /** Nobody can say when they will have it: nobody waits any longer. */
  releaseAll(): void {
    this.release(Number.POSITIVE_INFINITY);
  }
}
