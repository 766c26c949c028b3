// Owns the comparison for everything spoken over HTTP: the SDK's smallest server behind node:http, with sessions for the 2025 protocols and without for 2026.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMcpHandler, isLegacyRequest, McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { toRequest, writeResponse } from '../src/mcp/node-web.ts';

const input = z.object({ text: z.string() });

function build(): McpServer {
  const server = new McpServer({ name: 'echo', version: '1.0.0' });
  server.registerTool('echo', { description: 'echo', inputSchema: input }, async ({ text }) => ({ content: [{ type: 'text', text }] }));
  return server;
}

const modern = createMcpHandler(build, { legacy: 'reject' });
const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function answer(web: Request, request: IncomingMessage, body: unknown): Promise<Response> {
  if (!(await isLegacyRequest(web, body))) return modern.fetch(web, { parsedBody: body });
  const known = sessions.get(String(request.headers['mcp-session-id']));
  if (known !== undefined) return known.handleRequest(web, { parsedBody: body });
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  await build().connect(transport);
  return transport.handleRequest(web, { parsedBody: body });
}

const server = createServer((request, response) => {
  void bodyOf(request).then(async (body) => writeResponse(await answer(toRequest(request, response), request, body), response));
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`{"url":"http://127.0.0.1:${(server.address() as AddressInfo).port}"}\n`));
