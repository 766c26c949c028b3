// Owns `doctor`: looks at everything that has to be well before work can run, and says of each what to do.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/normal-form.ts';
import { loadConfig } from '../../config.ts';
import { inspectRedis, STORE_FILE } from '../../store/open-backend.ts';
import { isRedisUrl } from '../../store/redis-address.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { type Check, guarded } from '../doctor/check.ts';
import { checkConfig } from '../doctor/configuration.ts';
import { checkHooks, checkHookWorkflows } from '../doctor/hooks.ts';
import { checkClock, checkDisk, checkFolder, checkNative, checkNode } from '../doctor/machine.ts';
import { checkOutlets } from '../doctor/outlets.ts';
import { checkRedis } from '../doctor/redis.ts';
import { checkDurability, checkIntegrity, checkLocks, checkProcesses } from '../doctor/store.ts';
import { doctorLines } from '../render/doctor.ts';

const REPORT = 'This is a fault of the program; please report it.';

export function addDoctor(program: Command, invoke: Invoke): void {
  program
    .command('doctor')
    .description('check this machine, the configuration and the store')
    .addHelpText('after', examples('logistics-mcp doctor', 'logistics-mcp doctor --data-dir /var/lib/logistics --json'))
    .addHelpText('after', '\nExit codes: 0 all well or warnings only, 1 something fails.')
    .action((_flags: object, command: Command) => invoke(command, doctor));
}

async function doctor(context: CommandContext): Promise<number> {
  const checks = await allChecks(context);
  const failed = checks.filter((check) => check.state === 'fail').length;
  const warned = checks.filter((check) => check.state === 'warn').length;
  context.out.data({ healthy: failed === 0, failed, warned, checks });
  context.out.print(doctorLines(checks, context.out.colors));
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

async function allChecks({ io, flags }: CommandContext): Promise<Check[]> {
  const checks: Check[] = [checkNode(process.versions.node)];
  checks.push(...(await guarded('sqlite', 'Install again: npm ci, or npm rebuild better-sqlite3', checkNative)));
  let config: Config | undefined;
  checks.push(
    ...(await guarded('config', 'Correct the configuration.', async () => {
      const loaded = await loadConfig({ ...io.context, argvFlags: flags });
      config = loaded.config;
      return checkConfig(loaded);
    })),
  );
  if (config === undefined) return checks;
  checks.push(...(await checkOutlets(config, io.context.env)), ...(await checkHooks(config, io.context.env)));
  const { dataDir, store } = config;
  if (isRedisUrl(store)) {
    const folder = checkFolder(dataDir, io.context.platform ?? process.platform);
    checks.push(folder, ...(await guarded('disk', REPORT, () => checkDisk(dataDir))));
    const redis = await guarded('redis', 'Start Redis, or correct the address of the store.', async () => checkRedis(await inspectRedis(store, io.now)));
    checks.push(...redis);
    if (folder.state === 'fail' || redis.some((check) => check.state === 'fail')) return checks;
  }
  if (store === 'sqlite') {
    const folder = checkFolder(dataDir, io.context.platform ?? process.platform);
    checks.push(folder, ...(await guarded('disk', REPORT, () => checkDisk(dataDir))));
    if (folder.state === 'fail') return checks;
    const integrity = await guarded('integrity', 'Stop all processes, copy the data folder, then move the file away.', () =>
      checkIntegrity(join(dataDir, STORE_FILE)),
    );
    checks.push(...integrity, ...(await guarded('locks', REPORT, async () => checkLocks(dataDir))));
    if (integrity.some((check) => check.state === 'fail')) return checks;
    // To look is not to make: the store comes with the first command that needs it.
    if (!existsSync(join(dataDir, STORE_FILE)))
      return [...checks, { name: 'store', state: 'ok', detail: 'none yet; made at the first use' }, checkClock(io.now(), null)];
  }
  checks.push(...(await openStore(config, io.context.env, io.now)));
  return checks;
}

/** Opened without handlers and servers: a fault there belongs to them, not to the store. */
function openStore(config: Config, env: Readonly<Record<string, string | undefined>>, now: () => number): Promise<readonly Check[]> {
  return guarded('store', 'See the message.', async () => {
    const { openEngineWith } = await import('../../open-engine.ts');
    const engine = await openEngineWith({ ...config, logLevel: 'silent', handlers: null, mcpServers: {} }, { role: 'client', host: 'cli', env });
    try {
      const newest = engine.events({ after: 0, limit: 1, newestFirst: true })[0]?.at ?? null;
      return [
        ...checkDurability(engine),
        checkProcesses(engine, now(), config.limits.processLeaseMs),
        ...checkHookWorkflows(engine, config.hooks),
        checkClock(now(), newest),
      ];
    } finally {
      await engine.stop();
    }
  });
}
