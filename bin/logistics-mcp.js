#!/usr/bin/env node
// Owns the start: finds a Node that is new enough, then hands over to the bundle. CommonJS in the syntax of Node 12, so that an old Node gets as far as the message.
'use strict';

const fs = require('fs');
const path = require('path');

const REQUIRED = [22, 19];
const root = path.join(__dirname, '..');

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > REQUIRED[0] || (major === REQUIRED[0] && minor >= REQUIRED[1]);
}

function stop(message) {
  process.stderr.write(`logistics-mcp: ${message}\n`);
  process.exit(1);
}

/** The binary of the `node` package, looked for as Node looks for packages: here, then in each folder above; null when none is new enough. */
function findNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (let folder = root; ; folder = path.dirname(folder)) {
    const home = path.join(folder, 'node_modules', 'node');
    const binary = path.join(home, 'bin', name);
    try {
      const version = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8')).version;
      // Installed without its install script, the package holds a placeholder of some bytes instead of the binary.
      const isBinary = fs.statSync(binary).size > 1e6;
      // If this process is that binary already and still too old, the package lies: do not start it for ever.
      if (isNewEnough(version) && isBinary && fs.realpathSync(binary) !== fs.realpathSync(process.execPath)) return binary;
    } catch (_) {
      // Not here: look one folder up.
    }
    if (path.dirname(folder) === folder) return null;
  }
}

/** Runs this file again on the other binary, which inherits stdin, stdout and stderr, and ends as it ends. */
function handOver(binary) {
  const child = require('child_process').spawn(binary, [__filename, ...process.argv.slice(2)], { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  // A terminal sends Ctrl-C to both processes by itself; a second one would mean `stop at once`.
  const onTerminal = [0, 1, 2].some((fd) => require('tty').isatty(fd));
  const forward = (signal) => {
    if (!(onTerminal && signal === 'SIGINT')) child.kill(signal);
  };
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => stop(`cannot start ${binary}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of signals) process.removeListener(each, forward);
    process.kill(process.pid, signal);
    // Reached only where a process cannot end itself by a signal.
    setTimeout(() => process.exit(1), 1000);
  });
}

function start() {
  const bundle = path.join(root, 'dist', 'cli.mjs');
  if (!fs.existsSync(bundle)) stop('dist/cli.mjs is missing; in a checkout run: npm ci (or: npm run build)');
  // Compiled code is kept between starts, which saves a part of the cold start.
  const { enableCompileCache } = require('module');
  if (enableCompileCache) enableCompileCache();
  import(require('url').pathToFileURL(bundle).href).catch((error) => stop((error && error.stack) || String(error)));
}

if (isNewEnough(process.versions.node)) {
  start();
} else {
  const binary = findNode();
  if (binary) handOver(binary);
  else
    stop(
      `needs Node >= ${REQUIRED.join('.')}, this is ${process.versions.node}; get one at https://nodejs.org or run: npx -y -p node@24 -p logistics-mcp logistics-mcp`,
    );
}
