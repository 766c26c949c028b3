// Owns what one transaction wrote: its statements with their values, in order, as they will run on every other replica.
import { encode, type Statements, toParameter } from './entry.ts';

type Run = [num: number, ...parameters: ReturnType<typeof toParameter>[]];

/** Bound to one replica: it numbers the texts of statements, and the numbers are part of the log. */
export class Recorder {
  readonly #nums = new Map<string, number>();
  #runs: Run[] = [];
  #fresh: [number, string][] = [];
  #next = 1;
  #bytes = 0;

  /** The texts that the log has numbered so far. */
  constructor(known: Iterable<readonly [number, string]>) {
    for (const [num, text] of known) this.#learn(num, text);
  }

  /** About how many bytes were recorded since the last take or drop. */
  get bytes(): number {
    return this.#bytes;
  }

  readonly record = (text: string, parameters: readonly unknown[]): void => {
    const run: Run = [this.#numOf(text)];
    let bytes = 8;
    for (const value of parameters) {
      const parameter = typeof value === 'object' && value !== null ? toParameter(value) : (value as null);
      run.push(parameter);
      bytes += typeof value === 'string' ? value.length : parameter === null ? 4 : typeof parameter === 'object' ? sizeOf(parameter) : 8;
    }
    this.#bytes += bytes;
    this.#runs.push(run);
  };

  /** The recorded statements as bytes, with the texts that they are the first to use; these count once the entry is stored. */
  seal(): { readonly payload: Buffer; readonly texts: Statements['texts'] } {
    return { payload: encode({ texts: this.#fresh, runs: this.#runs }), texts: this.#fresh };
  }

  /** The entry is stored: its texts stay numbered. */
  stored(): void {
    this.#fresh = [];
    this.drop();
  }

  /** Forgets what was recorded; numbers that were given for it are free again. */
  drop(): void {
    for (const [num, text] of this.#fresh) {
      this.#nums.delete(text);
      this.#next = Math.min(this.#next, num);
    }
    this.#fresh = [];
    this.#runs = [];
    this.#bytes = 0;
  }

  /** Texts that an entry of another process has numbered. */
  learn(texts: Statements['texts']): void {
    for (const [num, text] of texts) this.#learn(num, text);
  }

  #learn(num: number, text: string): void {
    this.#nums.set(text, num);
    this.#next = Math.max(this.#next, num + 1);
  }

  #numOf(text: string): number {
    let num = this.#nums.get(text);
    if (num === undefined) {
      num = this.#next++;
      this.#nums.set(text, num);
      this.#fresh.push([num, text]);
    }
    return num;
  }
}

function sizeOf(parameter: object): number {
  let bytes = 0;
  for (const value of Object.values(parameter) as unknown[]) {
    bytes += typeof value === 'string' ? value.length : Array.isArray(value) ? String(value[0]).length : 8;
  }
  return bytes;
}
