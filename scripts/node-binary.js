// Owns the choice of the Node that builds, tests and checks run on: the one pinned in devDependencies, else the one running now.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of the pinned Node; npm scripts run on it anyway, a direct `node scripts/test.js` need not. */
export function nodeBinary() {
  const pinned = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  return existsSync(pinned) ? pinned : process.execPath;
}

/** Runs the current script again on the pinned Node when this one is too old for our dependencies; returns only when it is not. */
export function leaveOldNode() {
  if (Number.parseInt(process.versions.node, 10) >= 22 || nodeBinary() === process.execPath) return;
  const { status } = spawnSync(nodeBinary(), process.argv.slice(1), { stdio: 'inherit' });
  process.exit(status ?? 1);
}
