// Owns the substitution language of codomyrmex files: `{{param}}` and `{{step.output.x}}` as our expressions.
import type { FaultList } from './definition-faults.ts';
import type { Json } from './json.ts';
import { join } from './source-path.ts';

const PLACEHOLDER = /(?<!\$)\{\{([^{}]*)\}\}/g;
/** Words of the expression language that cannot stand behind a dot. */
const RESERVED = new Set('as break const continue else false for function if import in let loop namespace null package return true var void while'.split(' '));

/** Rewrites the placeholders of all steps of one file, and remembers what they read. */
export class LegacyReferences {
  readonly #ids: ReadonlyMap<string, string>;
  readonly #names: readonly string[];
  readonly #faults: FaultList;
  readonly #params = new Set<string>();
  #read = new Set<string>();

  /** `ids`: written step name -> step id. */
  constructor(ids: ReadonlyMap<string, string>, faults: FaultList) {
    this.#ids = ids;
    this.#names = [...ids.keys()];
    this.#faults = faults;
  }

  startStep(): void {
    this.#read = new Set();
  }

  stepsRead(): ReadonlySet<string> {
    return this.#read;
  }

  params(): string[] {
    return [...this.#params].sort();
  }

  /** Every text of the value; a text that is one placeholder keeps the type of what it refers to. */
  rewrite(value: Json, path: string): Json {
    if (typeof value === 'string') return value.replace(PLACEHOLDER, (whole, inner: string) => this.#wrapped(whole, inner, path));
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((item, i) => this.rewrite(item, `${path}[${i}]`));
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.rewrite(member, join(path, key))]));
  }

  /** A condition is one expression, so its placeholders lose their braces. */
  rewriteCondition(text: string, path: string): string {
    return text.replace(PLACEHOLDER, (whole, inner: string) => this.#expression(inner.trim(), path) ?? whole);
  }

  #wrapped(whole: string, inner: string, path: string): string {
    const expression = this.#expression(inner.trim(), path);
    return expression === undefined ? whole : `\${{ ${expression} }}`;
  }

  #expression(reference: string, path: string): string | undefined {
    const step = this.#stepOf(reference);
    if (step !== undefined) return this.#stepExpression(step, reference.slice(step.length), reference, path);
    const segments = reference.split('.');
    const [name] = segments;
    if (name === undefined || !segments.every((segment) => /^[A-Za-z0-9_-]+$/.test(segment)) || !/^[A-Za-z_]/.test(name)) {
      return this.#fault(path, `{{${reference}}} is no reference that can be read.`, '{{parameter}} or {{step.output}}');
    }
    if (segments[1] === 'output' || segments[1] === 'metadata') {
      this.#faults.add(path, 'unresolved_reference', `{{${reference}}} reads a step ${name}, which does not exist.`, {
        near: this.#faults.near(name, this.#names),
      });
      return undefined;
    }
    this.#params.add(name);
    return `input${segments.map(accessor).join('')}`;
  }

  /** Step names may hold dots, so the longest one that fits is meant. */
  #stepOf(reference: string): string | undefined {
    for (let end = reference.lastIndexOf('.'); end > 0; end = reference.lastIndexOf('.', end - 1)) {
      const name = reference.slice(0, end);
      if (this.#ids.has(name)) return name;
    }
    return undefined;
  }

  #stepExpression(step: string, rest: string, reference: string, path: string): string | undefined {
    if (/^\.metadata(\.|$)/.test(rest)) {
      return this.#fault(path, `{{${reference}}} reads metadata, which steps do not have here.`, `{{${step}.output}}`);
    }
    if (!/^\.output(\.[A-Za-z0-9_-]+|\[\d+\])*$/.test(rest)) {
      return this.#fault(path, `{{${reference}}} is no reference that can be read.`, `{{${step}.output}}`);
    }
    const id = this.#ids.get(step) as string;
    this.#read.add(id);
    const tail = rest.slice('.output'.length).replace(/\.([A-Za-z0-9_-]+)/g, (_, segment: string) => accessor(segment));
    return `steps${accessor(id)}.output${tail}`;
  }

  #fault(path: string, message: string, expected: string): undefined {
    this.#faults.add(path, 'unresolved_reference', message, { expected });
  }
}

/** `.name`, `[0]` or `["a-b"]`. */
export function accessor(segment: string): string {
  if (/^(0|[1-9]\d*)$/.test(segment)) return `[${segment}]`;
  return /^[A-Za-z_]\w*$/.test(segment) && !RESERVED.has(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}
