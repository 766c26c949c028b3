// Owns what counts as one reference: a name followed by field and index accesses.
import type { ASTNode } from './parse.ts';

export interface Chain {
  /** What the accesses start from: a name, or any other expression. */
  readonly base: ASTNode;
  /** Accesses in order; a dynamic one is its expression. */
  readonly keys: readonly (string | number | ASTNode)[];
}

export function isAccess(node: ASTNode): boolean {
  return node.op === '.' || node.op === '[]';
}

/** The accesses of a node, down to what they start from. */
export function chainOf(node: ASTNode): Chain {
  const keys: (string | number | ASTNode)[] = [];
  let base = node;
  for (;;) {
    if (base.op === '.') {
      keys.push(base.args[1]);
      base = base.args[0];
    } else if (base.op === '[]') {
      keys.push(staticKey(base.args[1]) ?? base.args[1]);
      base = base.args[0];
    } else {
      return { base, keys: keys.reverse() };
    }
  }
}

/** The path of a node as a user would write it, for messages. */
export function pathText(node: ASTNode): string {
  const { base, keys } = chainOf(node);
  let text = base.op === 'id' ? base.args : shorten(base.input.slice(base.start, base.end));
  for (const key of keys) text += keyText(key, text === 'steps');
  return text;
}

export function keyText(key: string | number | ASTNode, isStep = false): string {
  if (typeof key === 'number') return `[${key}]`;
  if (typeof key !== 'string') return `[${shorten(key.input.slice(key.start, key.end))}]`;
  return isStep || /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `.${key}` : `[${JSON.stringify(shorten(key))}]`;
}

function staticKey(node: ASTNode): string | number | undefined {
  if (node.op !== 'value') return undefined;
  if (typeof node.args === 'string' || typeof node.args === 'number') return node.args;
  if (typeof node.args === 'bigint' && Number.isSafeInteger(Number(node.args))) return Number(node.args);
  return undefined;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
