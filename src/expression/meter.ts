// Owns the gas of one evaluation: every loop, copy and text is paid for before it is made.
import type { Json } from '../domain/json.ts';
import { costly } from './failure.ts';
import type { ExpressionLimits } from './limits.ts';

export class Meter {
  readonly limits: ExpressionLimits;
  #left: number;

  constructor(limits: ExpressionLimits, steps: number) {
    this.limits = limits;
    this.#left = steps;
  }

  /** Pays for `steps` units of work; throws expression_too_costly when none are left. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw costly('The expression does too much work.');
  }

  /** Pays for a text of this length before it is made. */
  text(length: number): void {
    if (length > this.limits.outputSize) throw costly(`The expression makes a text longer than ${this.limits.outputSize} characters.`);
    this.spend(1 + (length >> 5));
  }

  /** Pays for a list of this length before it is made. */
  list(length: number): void {
    if (length > this.limits.listLength) throw costly(`The expression makes a list of more than ${this.limits.listLength} elements.`);
    this.spend(1 + length);
  }

  /** JSON text of a value, measured first: values may share parts and be far larger as text than in memory. */
  json(value: Json): string {
    const size = this.measure(value);
    this.spend(size >> 3);
    return JSON.stringify(value);
  }

  /** Approximate length of the JSON text of a value; throws expression_too_costly beyond the output size. */
  measure(value: Json): number {
    if (value === null || typeof value !== 'object') return typeof value === 'string' ? this.#bounded(value.length + 2) : 8;
    const stack: Json[] = [value];
    let size = 0;
    while (stack.length > 0) {
      const current = stack.pop() as Json;
      if (current === null || typeof current !== 'object') {
        size += typeof current === 'string' ? current.length + 3 : 4;
      } else if (Array.isArray(current)) {
        size += 2 + current.length;
        if (size <= this.limits.outputSize) for (const element of current as readonly Json[]) stack.push(element);
      } else {
        size += 2;
        for (const [key, member] of Object.entries(current)) {
          size += key.length + 4;
          stack.push(member);
        }
      }
      if (size > this.limits.outputSize) this.#bounded(size);
    }
    return size;
  }

  #bounded(size: number): number {
    if (size > this.limits.outputSize) throw costly(`The value is larger than ${this.limits.outputSize} characters as JSON.`);
    return size;
  }
}
