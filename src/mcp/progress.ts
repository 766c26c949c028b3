// Owns progress notifications: only for a client that asked, and only forward, as the protocol demands.
import type { ServerContext } from '@modelcontextprotocol/server';

/** Undefined when the request carries no token. */
export function progressTeller(context: ServerContext): ((share: number, message: string) => void) | undefined {
  const token = context.mcpReq._meta?.progressToken;
  if (token === undefined) return undefined;
  let told = -1;
  return (share, message) => {
    if (share <= told) return;
    told = share;
    // A client that has gone is noticed by the transport, not here.
    context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress: share, total: 1, message } }).catch(() => undefined);
  };
}
