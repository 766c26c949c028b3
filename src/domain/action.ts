// Owns the contract of a task type: what it is called with, what it may do to the world around it, what it gives back.
import type { z } from 'zod';
import type { Json, JsonObject } from './json.ts';
import type { VersionPolicy } from './task-versions.ts';
import type { TraceContext } from './trace-context.ts';
import type { UsageReport } from './usage.ts';

export interface ArtifactRef {
  readonly artifact: { readonly id: string; readonly name: string; readonly mediaType: string; readonly bytes: number; readonly sha256: string };
}

/** The trace that an attempt belongs to. */
export interface ActionTrace {
  /** To be handed on to whoever works for this attempt. */
  readonly context: TraceContext;
  /** Runs a call to somebody else as a span of its own, where spans are recorded, and gives it what to hand on. */
  client<T>(name: string, attributes: Readonly<Record<string, string | number>>, call: (context: TraceContext) => Promise<T>): Promise<T>;
}

/** What a running handler is given besides its input. */
export interface ActionContext {
  readonly jobId: string;
  readonly executionId: string | null;
  readonly stepId: string | null;
  readonly itemIndex: number | null;
  readonly sessionId: string | null;
  /** Stable over attempts: `<execution>/<step>[<item>]`, or the job id. */
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Aborted on cancel, timeout, lost lease and shutdown; `signal.reason` is a LogisticsError. */
  readonly signal: AbortSignal;
  /** Absent when it belongs to no trace. */
  readonly trace?: ActionTrace | undefined;
  /** A line in the job's bounded log. */
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: JsonObject): void;
  /** Progress for watchers: a share in [0, 1] and a short message. */
  progress(share: number, message?: string): void;
  /** What it has used since its last report, such as the tokens of one call of a model; budgets sum it. */
  reportUsage(usage: UsageReport): void;
  putArtifact(name: string, content: string | Uint8Array, mediaType: string): Promise<ArtifactRef>;
}

/** A kind of work. `input` checks the rendered `with` or payload before the handler sees it. */
export interface TaskType {
  readonly type: string;
  readonly version: number;
  /** What a run does that began with another version; default continue. */
  readonly onVersionChange?: VersionPolicy | undefined;
  readonly description: string;
  /** Made by the program itself: no caller may ask for it, and lists leave it out. */
  readonly internal?: true | undefined;
  readonly input: z.ZodType;
  readonly output?: z.ZodType | undefined;
  /** One example of `with`, shown in errors and docs. */
  readonly example: JsonObject;
  /** Capability that a process must offer to run it with this (unrendered) input, e.g. `shell@default`; undefined = any process. */
  capability?(input: JsonObject): string | undefined;
  /** Which secrets' bindings this (rendered, still without secrets) input satisfies: host or server names. */
  secretTargets?(input: JsonObject): readonly string[];
  run(input: never, context: ActionContext): Promise<Json>;
}

/** The door to other MCP servers; implemented in src/mcp, used by the mcp.call action. */
export interface McpCaller {
  /** Names of the configured servers. */
  readonly servers: readonly string[];
  /** Calls one tool; the result's structured content, or its text content. `parent` is the job that calls, handed on to the server. */
  call(server: string, tool: string, args: JsonObject, signal: AbortSignal, trace?: TraceContext, parent?: string): Promise<Json>;
  /** Tools of a server with their input schemas, or undefined when it cannot be reached within the limit. */
  listTools(server: string, signal: AbortSignal): Promise<readonly { readonly name: string; readonly inputSchema: JsonObject }[] | undefined>;
  close(): Promise<void>;
}
