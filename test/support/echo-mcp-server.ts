// Owns a real MCP server over stdio for tests; its first argument may be `modern` (refuses the 2025 handshake), `silent` (never answers) or `crash`.

import { appendFileSync } from 'node:fs';
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const [mode, journal] = process.argv.slice(2);
const note = (line: string): void => {
  if (journal !== undefined) appendFileSync(journal, `${line}\n`);
};

if (mode === 'crash') {
  process.stderr.write(`cannot start with token ${process.env.TOKEN}\n`);
  process.exit(3);
}
note(`start ${process.pid}`);
process.on('exit', () => note(`exit ${process.pid}`));

if (mode === 'silent') setInterval(() => {}, 1_000);
else {
  serveStdio(
    () => {
      const server = new McpServer({ name: 'echo', version: '1.0.0' });
      const text = (value: string): { type: 'text'; text: string } => ({ type: 'text', text: value });
      server.registerTool('echo', { description: 'Gives its text back.', inputSchema: z.object({ text: z.string() }) }, async (input) => ({
        content: [text(input.text)],
      }));
      server.registerTool(
        'sum',
        { description: 'Adds.', inputSchema: z.object({ a: z.number(), b: z.number() }), outputSchema: z.object({ sum: z.number() }) },
        async ({ a, b }) => ({
          content: [text('see structured content')],
          structuredContent: { sum: a + b },
        }),
      );
      server.registerTool('blocks', { description: 'Several blocks.', inputSchema: z.object({ image: z.boolean() }) }, async ({ image }) => ({
        content: [text('one'), image ? { type: 'image', data: 'AA==', mimeType: 'image/png' } : text('two')],
      }));
      server.registerTool('nothing', { description: 'No content.', inputSchema: z.object({}) }, async () => ({ content: [] }));
      server.registerTool('fail', { description: 'Fails.', inputSchema: z.object({}) }, async () => ({
        isError: true,
        content: [text('it is broken'), text('badly')],
      }));
      server.registerTool('info', { description: 'Who runs here.', inputSchema: z.object({}) }, async () => ({
        content: [text(JSON.stringify({ pid: process.pid, token: process.env.TOKEN ?? null, cwd: process.cwd() }))],
      }));
      server.registerTool('meta', { description: 'The trace that it was told.', inputSchema: z.object({}) }, async (_input, context) => ({
        content: [text(JSON.stringify(context.mcpReq._meta ?? {}))],
      }));
      server.registerTool('die', { description: 'Ends the process.', inputSchema: z.object({}) }, async () => process.exit(1));
      server.registerTool('hang', { description: 'Waits for its cancellation.', inputSchema: z.object({}) }, async (_input, context) => {
        note('hang');
        await new Promise<void>((resolve) => context.mcpReq.signal.addEventListener('abort', () => resolve(), { once: true }));
        note('cancelled');
        return { content: [] };
      });
      server.registerTool('grow', { description: 'Adds a tool.', inputSchema: z.object({}) }, async () => {
        server.registerTool('grown', { description: 'New.', inputSchema: z.object({}) }, async () => ({ content: [] }));
        return { content: [] };
      });
      return server;
    },
    mode === 'modern' ? { legacy: 'reject' } : {},
  );
}
