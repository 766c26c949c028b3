// Owns which scopes a message needs before anything looks at it; what a tool needs with its parsed arguments is asked again by the caller of tools.
import { scopesOf, type ToolSpec } from '../../tools/tool.ts';
import { mayDo, type Principal, type Scope } from '../domain/access.ts';
import { isJsonObject } from '../domain/json.ts';

/** Part of every handshake, open to any token. */
const OPEN = /^(initialize|ping|server\/discover|notifications\/.+|tools\/list|logging\/setLevel)$/;
const CHANGING = /^tasks\/(update|cancel)$/;

export interface ScopeFault {
  readonly method: string;
  /** Any one of them would do. */
  readonly needs: readonly Scope[];
}

/** The first message of a body that this principal may not send. Answers to questions of the server are always taken. */
export function scopeFault(body: unknown, principal: Pick<Principal, 'scopes'>, tools: readonly ToolSpec[]): ScopeFault | undefined {
  for (const message of Array.isArray(body) ? body : [body]) {
    if (!isJsonObject(message) || typeof message.method !== 'string') continue;
    const needs = needsOf(message.method, message.params, tools);
    if (needs !== null && !mayDo(principal, needs)) return { method: message.method, needs };
  }
  return undefined;
}

function needsOf(method: string, params: unknown, tools: readonly ToolSpec[]): readonly Scope[] | null {
  if (OPEN.test(method)) return null;
  if (method !== 'tools/call') return method === 'tasks/update' ? ['approve', 'write'] : CHANGING.test(method) ? ['write'] : ['read'];
  const name = isJsonObject(params) ? params.name : undefined;
  const spec = tools.find((tool) => tool.name === name);
  // An unknown tool is told as such.
  return spec === undefined ? null : scopesOf(spec, isJsonObject(params) ? params.arguments : undefined);
}
