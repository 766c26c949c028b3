// Owns what a tool is: a value with a name, schemas and a handler; each transport parses once and renders errors once.
import type { z } from 'zod';
import type { Scope } from '../src/domain/access.ts';
import type { JsonObject } from '../src/domain/json.ts';
import type { Caller } from '../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';

/** A question to the person behind the client. */
export interface PersonQuestion {
  /** Stable for the same question, so that an answer cannot be taken for that of another one. */
  readonly key: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, { readonly type: 'boolean' | 'string'; readonly title: string }>>;
  readonly required: readonly string[];
}

export type PersonAnswer = { readonly action: 'accept'; readonly content: Readonly<Record<string, unknown>> } | { readonly action: 'decline' | 'cancel' };

/** Thrown by `askPerson` while there is no answer yet: the handler is run again, from its start, with the answer. */
export class PersonNeeded extends Error {
  readonly question: PersonQuestion;
  constructor(question: PersonQuestion) {
    super('A person has to answer first.');
    this.question = question;
  }
}

export interface ToolContext {
  readonly engine: OrchestrationEngine;
  readonly caller: Caller;
  /** The worker agent that this connection was last seen as, if any. */
  readonly workerId?: string | null | undefined;
  /** Told when this call acts as a worker agent: further calls of the connection renew its leases. */
  readonly actsAs?: ((workerId: string) => void) | undefined;
  /** Aborted when the caller gives up; ends a wait, never the work. */
  readonly signal?: AbortSignal | undefined;
  /** Told while a call waits, when the caller wants progress: share in [0, 1] and a short message. */
  readonly progress?: ((share: number, message: string) => void) | undefined;
  /** True when the caller takes a task for what has not ended: then a call holds no longer than it was asked to. */
  readonly takesTask?: boolean | undefined;
  /** Asks the person behind the client; absent when the client cannot. Called before anything is changed. */
  readonly askPerson?: ((question: PersonQuestion) => PersonAnswer) | undefined;
}

/** `read` changes nothing; `write` adds or changes; `destroy` may end or remove work. */
export type ToolKind = 'read' | 'write' | 'destroy';

export interface ToolSpec<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly title: string;
  /** The first sentence carries the nouns and verbs by which hosts search. */
  readonly description: string;
  readonly kind: ToolKind;
  /** True when the same call twice has the effect of one. */
  readonly idempotent: boolean;
  /** True when it reaches beyond this server (handlers may). */
  readonly openWorld: boolean;
  readonly input: I;
  readonly output: O;
  /** JSON Schema that clients are told instead of that of `input`, which then takes whatever the handler checks itself. */
  readonly inputSchema?: JsonObject | undefined;
  /** Other parameter names -> ours; a dot leads into an object. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Brings a call that is written as another program's tool of this name into our form; before the aliases. */
  adopt?(raw: JsonObject): JsonObject;
  /** Parameters of the design that are not built yet -> what to do instead; refused by name. */
  readonly notBuilt?: Readonly<Record<string, string>> | undefined;
  /** Scopes of which a token needs any one; default: read for what reads, else write. The arguments may not be parsed yet. */
  scopes?(args: unknown): readonly Scope[];
  /** True for a call that would only fill the history of its session: a look for work, a sign of life. */
  unrecorded?(args: z.output<I>, data: JsonObject): boolean;
  /** For an answer about work that has not ended: the id under which the rest of it can be followed as a task, else null. */
  followUp?(args: z.output<I>, data: JsonObject, now: number): string | null;
  /** `args` are parsed; the result is data in wire form. Throws LogisticsError. */
  handle(context: ToolContext, args: z.output<I>): Promise<JsonObject>;
}

/** Scopes of which a token needs any one for this call. */
export function scopesOf(spec: ToolSpec, args: unknown): readonly Scope[] {
  return spec.scopes?.(args) ?? (spec.kind === 'read' ? ['read'] : ['write']);
}

/** Keeps the types of one tool together. */
export function defineTool<I extends z.ZodType, O extends z.ZodType>(spec: ToolSpec<I, O>): ToolSpec<I, O> {
  return spec;
}
