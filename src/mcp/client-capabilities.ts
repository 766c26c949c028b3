// Owns what a client has said it can do: since 2026 with each request, before once for its connection.
import { CLIENT_CAPABILITIES_META_KEY, type ClientCapabilities, type Server, type ServerContext } from '@modelcontextprotocol/server';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** Undefined before 2026. */
function declaredNow(context: ServerContext): ClientCapabilities | undefined {
  const envelope = context.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
  return envelope?.[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined;
}

/** Whether the person behind the client can be asked with a form. */
export function canAsk(server: Server, context: ServerContext): boolean {
  const elicitation = (declaredNow(context) ?? server.getClientCapabilities())?.elicitation;
  // An empty declaration means forms.
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

/** Whether this request may be answered with a task. */
export function takesTasks(context: ServerContext): boolean {
  return declaredNow(context)?.extensions?.[TASKS_EXTENSION] !== undefined;
}
