// Owns the list of task types that come with the program, and the end of what they hold open.
import type { McpCaller, TaskType } from '../domain/action.ts';
import { outletCapability } from '../domain/outlet.ts';
import { agentTask } from './agent-task.ts';
import { createCodeRun } from './code-run.ts';
import { echoTask } from './echo.ts';
import { createGuardedAgent } from './guarded-agent.ts';
import { createHttpRequest } from './http-request.ts';
import { logTask } from './log.ts';
import { createMcpCall } from './mcp-call.ts';
import { createNotifyCommand, type NotifyCommandParts } from './notify-command.ts';
import { createShellRun, type ShellRunOptions, shellCapabilities } from './shell-run.ts';
import { transformTask } from './transform.ts';
import { createWebhookDeliver } from './webhook-deliver.ts';

export interface BuiltinActionOptions {
  readonly http?: { readonly allowAddresses?: readonly string[] | undefined } | undefined;
  /** Absent, or without patterns: shell.run is off. */
  readonly shell?: ShellRunOptions | undefined;
  /** Absent: mcp.call is off. Its owner closes it. */
  readonly mcp?: McpCaller | undefined;
  /** Absent, or without outlets: nothing is delivered. */
  readonly deliveries?: NotifyCommandParts | undefined;
}

export interface BuiltinActions {
  readonly types: readonly TaskType[];
  /** What this process offers to jobs that ask for a capability. */
  readonly capabilities: readonly string[];
  /** Ends kept connections and threads; idempotent. */
  close(): Promise<void>;
}

/** Throws `invalid_input` for an allow rule or argv pattern it cannot use. Packages are loaded by the first run that needs them. */
export function createBuiltinActions(options: BuiltinActionOptions = {}): BuiltinActions {
  const http = createHttpRequest(options.http);
  const code = createCodeRun();
  const { deliveries } = options;
  const outlets = deliveries?.outlets ?? [];
  const agent = createGuardedAgent(options.http);
  const servers = options.mcp?.servers ?? [];
  return {
    types: [
      logTask,
      echoTask,
      transformTask,
      http.task,
      createShellRun(options.shell),
      code.task,
      createMcpCall(options.mcp),
      agentTask,
      ...(deliveries === undefined || outlets.length === 0 ? [] : [createWebhookDeliver(deliveries, agent), createNotifyCommand(deliveries)]),
    ],
    capabilities: [
      ...shellCapabilities(options.shell),
      ...(servers.length === 0 ? [] : ['mcp']),
      ...servers.map((server) => `mcp:${server}`),
      ...outlets.map(({ name }) => outletCapability(name)),
    ],
    close: async () => {
      await Promise.all([http.close(), code.close(), agent.close()]);
    },
  };
}
