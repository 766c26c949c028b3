// The examples of the tools, called as one story in the order of the registry: what the documents show works, and so does what the Inspector calls.
import { expect, it } from 'vitest';
import { Story } from '../../scripts/conformance/example-story.ts';
import { TOOLSETS } from '../../src/config/config-schema.ts';
import { allToolSpecs } from '../../tools/registry.ts';
import { EXAMPLE_NEEDS, TOOL_EXAMPLES } from '../../tools/tool-examples.ts';
import { connectHttp, httpPlace } from '../support/http-server.ts';

it('the example of each tool can be called, after those of the tools before it', async () => {
  const { url } = await httpPlace({ store: 'in_memory', toolsets: TOOLSETS.filter((name) => name !== 'published') });
  const client = await connectHttp(url, '2025 http');
  const story = new Story();
  const answered: string[] = [];
  for (const { name } of allToolSpecs) {
    const example = TOOL_EXAMPLES[name];
    if (example === undefined) continue;
    for (const { tool, args } of [...(EXAMPLE_NEEDS[name] ?? []), { tool: name, args: example }])
      story.hear((await client.call(tool, story.tell(args))) as never);
    answered.push(name);
  }
  expect(answered).toEqual(allToolSpecs.map(({ name }) => name));
}, 60_000);
