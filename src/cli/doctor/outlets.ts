// Owns the checks of webhooks and notifications: each secret has a value and may go where it is to go, each program is there.
import { programFile } from '../../actions/shell-environment.ts';
import type { Config } from '../../config/normal-form.ts';
import { DELIVER_TASK, type Outlet } from '../../domain/outlet.ts';
import { createSecretStore, type SecretStore } from '../../runtime/secrets.ts';
import { type Check, guarded } from './check.ts';

export async function checkOutlets(config: Config, env: Readonly<Record<string, string | undefined>>): Promise<readonly Check[]> {
  const secrets = createSecretStore(config, env);
  const checks: Check[] = [];
  for (const outlet of config.outlets) {
    const name = `${outlet.says === 'event' ? 'webhook' : 'notify'} ${outlet.name}`;
    checks.push(...(await guarded(name, 'Correct the configuration.', async () => ({ name, ...(await judge(outlet, secrets)) }))));
  }
  return checks;
}

async function judge({ target }: Outlet, secrets: SecretStore): Promise<Omit<Check, 'name'>> {
  if (target.kind === 'command') return { state: 'ok', detail: await programFile({ root: target.cwd }, target.argv[0] ?? '') };
  const { hostname, host } = new URL(target.url);
  if (target.secret === null) return { state: 'ok', detail: `${host}, not signed` };
  await secrets.resolve(target.secret, { task: DELIVER_TASK, targets: [...new Set([hostname, host])] });
  return { state: 'ok', detail: `${host}, signed with ${target.secret}` };
}
