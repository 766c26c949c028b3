// Owns the start of the hooks: each is checked before the server listens, and the engines that they need are open.
import type { Config } from '../../config/normal-form.ts';
import { HOOK_TASK } from '../../domain/hook.ts';
import type { Logger } from '../../domain/log.ts';
import { createEvaluator } from '../../expression/cel-evaluator.ts';
import type { HookRecord } from '../../orchestration/hook-status.ts';
import { checkHookTemplates } from '../../orchestration/hook-templates.ts';
import type { Redactor } from '../../runtime/redact.ts';
import { createSecretStore } from '../../runtime/secrets.ts';
import type { Engines } from '../engines.ts';
import type { PreparedHooks } from './hook-endpoint.ts';

/** Throws for a hook that can never work. One whose secret is not there yet is a warning: it may come later. */
export async function prepareHooks(
  config: Config,
  engines: Engines,
  record: HookRecord,
  { env, redactor, logger }: { readonly env: Readonly<Record<string, string | undefined>>; readonly redactor: Redactor; readonly logger: Logger },
): Promise<PreparedHooks> {
  const { hooks } = config;
  const evaluator = createEvaluator();
  const secrets = createSecretStore(config, env, { redactor });
  for (const [index, hook] of hooks.entries()) checkHookTemplates(hook, index, evaluator);
  for (const namespace of new Set(hooks.map((hook) => hook.namespace))) await engines.working(namespace);
  for (const hook of hooks)
    for (const name of hook.secrets)
      await secrets
        .resolve(name, { task: HOOK_TASK, targets: [] })
        .catch((error: unknown) => logger.warn({ err: error, hook: hook.name }, 'deliveries of a hook cannot be checked'));
  return { hooks, secrets, evaluator, record, engineOf: (namespace) => engines.working(namespace) };
}
