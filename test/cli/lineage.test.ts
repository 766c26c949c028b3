// A command that a job started makes work that comes of that job; get --view lineage prints the tree.
import { expect, it } from 'vitest';
import { cliFolder } from './cli-folder.ts';

it('finds its parent in the environment, and prints who started what from the first down', async () => {
  const { cli } = cliFolder();
  const enqueue = async (parent?: string): Promise<string> => {
    const env: Record<string, string> = parent === undefined ? {} : { LOGISTICS_PARENT: parent };
    const { stdout, stderr } = await cli(['enqueue', 'echo', '{"value": 1}', '--delay', '1h', '--json'], { env });
    expect(stderr).not.toContain('LOGISTICS_PARENT');
    return (JSON.parse(stdout) as { job_id: string }).job_id;
  };
  const top = await enqueue();
  const middle = await enqueue(top);
  const leaf = await enqueue(middle);
  const loose = await enqueue('job_00000000000000000000000000');
  const { stdout } = await cli(['get', middle, '--view', 'lineage']);
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd()),
  ).toEqual([`${top}  echo  pending`, `└─ ${middle}  echo  pending  asked for`, `   └─ ${leaf}  echo  pending  asked for`]);
  expect((await cli(['get', loose, '--view', 'lineage'])).stdout.trim()).toBe(`${loose}  echo  pending`);
});
