// The skill: listed, found and read as its entry says, in both eras.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { modernClient, type Wire } from '../support/modern-client.ts';
import { connect, serverPlace } from '../support/stdio-server.ts';
import { engineFor } from '../support/test-engine.ts';

const URI = 'skill://durable-workflows/SKILL.md';

it('is served with a digest that fits its text', async () => {
  const client = await modernClient(await engineFor());
  expect(await client.request('server/discover', {})).toMatchObject({ capabilities: { extensions: { 'io.modelcontextprotocol/skills': {} } } });
  const { skills } = (await client.request('skills/list')) as {
    skills: { uri: string; frontmatter: Wire; resources: { uri: string; digest: string; size: number }[] }[];
  };
  expect(skills).toMatchObject([{ uri: URI, frontmatter: { name: 'durable-workflows', description: expect.stringContaining('survives crashes') } }]);
  expect(await client.request('skills/get', { uri: URI })).toMatchObject({ skill: skills[0] });
  const { contents } = (await client.request('resources/read', { uri: URI })) as { contents: { text: string; mimeType: string }[] };
  const text = contents[0]?.text ?? '';
  expect(skills[0]?.resources).toEqual([{ uri: URI, digest: `sha256:${createHash('sha256').update(text).digest('hex')}`, size: Buffer.byteLength(text) }]);
  for (const uri of ['skill://other/SKILL.md', 'skill://durable-workflows/../x', 'skill:']) {
    await expect(client.request('skills/get', { uri })).rejects.toMatchObject({ code: -32_602 });
    await expect(client.request('resources/read', { uri })).rejects.toMatchObject({ code: -32_602 });
  }
});

it('does not keep a client of 2025 from connecting', async () => {
  const server = await connect(serverPlace(), '1.x');
  expect((await server.listTools()).length).toBeGreaterThan(10);
});
