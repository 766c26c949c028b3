// Owns the page for whoever opens the server's address: what is here, in plain text, and nothing about the work.
import { VERSION } from '../version.ts';

export function frontPage(tools: number, tokenNeeded: boolean): string {
  return `logistics-mcp ${VERSION}: durable workflows, a job queue and schedules, over MCP (${tools} tools).

/mcp        MCP, Streamable HTTP, protocols 2024-11-05 to 2026-07-28
/sse        MCP, the older HTTP+SSE transport; messages go to /messages
/api/v1     the tools for programs without MCP: /api/v1/openapi.json describes it, /api/v1/events follows the event log
/healthz    the process is alive
/readyz     the store can be reached

${tokenNeeded ? 'A bearer token is needed: logistics-mcp token add <name> makes one.' : 'No token is needed from this machine.'}
`;
}
