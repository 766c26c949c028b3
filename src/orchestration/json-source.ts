// Owns reading JSON with errors that say where: line, column, and what was expected; a key written twice is an error.

import type { Json } from '../domain/json.ts';
import { MAX_JSON_DEPTH } from '../domain/plain-json.ts';

/** Where a text stops being JSON; `offset` counts from 0. */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][\w$]*/y;

/** The value of a JSON text. Throws JsonSyntaxError. */
export function parseJsonSource(text: string): Json {
  const reader = new JsonReader(text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text);
  return reader.document();
}

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#error('There is something behind the end of the value', 'nothing more');
    return value;
  }

  #value(depth: number): Json {
    this.#space();
    if (depth > MAX_JSON_DEPTH) throw this.#error(`It is nested deeper than ${MAX_JSON_DEPTH} levels`);
    const character = this.#text[this.#at];
    if (character === '{') return this.#object(depth);
    if (character === '[') return this.#array(depth);
    if (character === '"') return this.#string();
    if (character !== undefined && /[-\d]/.test(character)) return this.#number();
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (this.#match(WORD) === word) {
        this.#at += word.length;
        return value;
      }
    }
    throw this.#unexpected('a value');
  }

  #object(depth: number): Json {
    const entries: [string, Json][] = [];
    const keys = new Set<string>();
    this.#at++;
    this.#space();
    if (this.#take('}')) return {};
    for (;;) {
      this.#space();
      const start = this.#at;
      if (this.#text[start] === '}') throw this.#error('There is a comma before }', 'no comma behind the last member');
      if (this.#text[start] !== '"') throw this.#unexpected('a key in double quotes');
      const key = this.#string();
      if (keys.has(key)) throw new JsonSyntaxError(`The key ${JSON.stringify(key)} is written twice in one object`, start);
      keys.add(key);
      this.#space();
      if (!this.#take(':')) throw this.#unexpected(': behind a key');
      entries.push([key, this.#value(depth + 1)]);
      this.#space();
      if (this.#take('}')) return Object.fromEntries(entries);
      if (!this.#take(',')) throw this.#unexpected(', or }');
    }
  }

  #array(depth: number): Json {
    const items: Json[] = [];
    this.#at++;
    this.#space();
    if (this.#take(']')) return items;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === ']') throw this.#error('There is a comma before ]', 'no comma behind the last element');
      items.push(this.#value(depth + 1));
      this.#space();
      if (this.#take(']')) return items;
      if (!this.#take(',')) throw this.#unexpected(', or ]');
    }
  }

  /** Finds the end of the string; what stands between is left to JSON.parse. */
  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === 0x5c) at++;
      else if (code < 0x20) throw new JsonSyntaxError('A text goes over the end of its line, or holds a control character (expected \\n or \\t)', at);
      else if (code === 0x22) {
        this.#at = at + 1;
        const raw = this.#text.slice(start, this.#at);
        try {
          return JSON.parse(raw) as string;
        } catch {
          const unknown = /\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(raw.replace(/\\\\/g, '  '));
          throw new JsonSyntaxError(
            'There is an unknown escape in a text (expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000)',
            start + (unknown?.index ?? 0),
          );
        }
      }
    }
    throw new JsonSyntaxError('A text has no closing "', start);
  }

  #number(): number {
    const text = this.#match(NUMBER);
    const after = this.#text[this.#at + text.length];
    if (text === '' || (after !== undefined && /[\w.+-]/.test(after))) throw this.#error('This is no JSON number', 'digits such as 12, -3.5 or 1e6');
    this.#at += text.length;
    return Number(text);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  #space(): void {
    this.#at += this.#match(SPACE).length;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #unexpected(expected: string): JsonSyntaxError {
    const character = this.#text[this.#at];
    if (character === undefined) return this.#error('The text ends too early', expected);
    if (character === "'") return this.#error('JSON texts stand in double quotes', expected);
    if (this.#text.startsWith('//', this.#at) || this.#text.startsWith('/*', this.#at)) return this.#error('JSON has no comments', expected);
    return this.#error(`${JSON.stringify(this.#match(WORD).slice(0, 30) || character)} does not fit here`, expected);
  }

  #error(message: string, expected?: string): JsonSyntaxError {
    return new JsonSyntaxError(expected === undefined ? message : `${message} (expected ${expected})`, this.#at);
  }
}
