// Owns a heap of numbers by their keys: the smallest key first, among equals the smallest number, so that every plan is the same each time.

export class MinHeap {
  readonly #key: (value: number) => number;
  readonly #values: number[] = [];

  constructor(key: (value: number) => number) {
    this.#key = key;
  }

  get size(): number {
    return this.#values.length;
  }

  peek(): number | undefined {
    return this.#values[0];
  }

  push(value: number): void {
    const heap = this.#values;
    let at = heap.length;
    heap.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(value, heap[parent] as number)) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = value;
  }

  pop(): number | undefined {
    const heap = this.#values;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1] as number, heap[child] as number)) child++;
      if (!this.#before(heap[child] as number, last)) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  #before(a: number, b: number): boolean {
    const ka = this.#key(a);
    const kb = this.#key(b);
    return ka < kb || (ka === kb && a < b);
  }
}
