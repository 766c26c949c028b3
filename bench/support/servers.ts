// Owns which programs the stdio benchmarks start: ours through its launcher on a fresh bundle, and the SDK's smallest one.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Context, Skipped } from './scenario.ts';
import type { ServerCommand } from './stdio-client.ts';

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const LAUNCHER = fromHere('../../bin/logistics-mcp.js');
const MAIN = fromHere('../../src/main.ts');

export const ECHO_SERVER: ServerCommand = { args: [fromHere('../echo-server.js')] };

let built = false;

/** Our server on an empty folder; builds the bundle once a run. */
export function ourServer(context: Context): ServerCommand {
  if (!existsSync(MAIN)) throw new Skipped('src/main.ts is not there');
  if (!built) {
    const { status, stderr } = spawnSync(process.execPath, [fromHere('../../scripts/build.js')], { encoding: 'utf8' });
    if (status !== 0) throw new Skipped(`the bundle could not be built: ${stderr}`);
    built = true;
  }
  return {
    args: [LAUNCHER],
    env: {
      LOGISTICS_DATA_DIR: context.folder(),
      LOGISTICS_DURABILITY: context.durability,
      LOGISTICS_LOG_LEVEL: 'error',
      LOGISTICS_NAMESPACE: 'bench',
      LOGISTICS_BACKGROUND: 'off',
    },
  };
}
