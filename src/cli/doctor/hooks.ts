// Owns the checks of hooks: expressions that can be meant, secrets that are there and long enough, workflows that exist.
import type { Config } from '../../config/normal-form.ts';
import { HOOK_TASK, type Hook, hookWorkflow } from '../../domain/hook.ts';
import { createEvaluator } from '../../expression/cel-evaluator.ts';
import { checkHookTemplates } from '../../orchestration/hook-templates.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { createSecretStore } from '../../runtime/secrets.ts';
import { webhookKey } from '../../runtime/webhook-signature.ts';
import { type Check, guarded } from './check.ts';

/** Shorter ones can be guessed by trying, offline, from one delivery that was seen. */
const MIN_KEY_BYTES = 16;

export async function checkHooks(config: Config, env: Readonly<Record<string, string | undefined>>): Promise<readonly Check[]> {
  if (config.hooks.length === 0) return [];
  const secrets = createSecretStore(config, env);
  const evaluator = createEvaluator();
  const checks: Check[] = [];
  for (const [index, hook] of config.hooks.entries()) {
    const name = `hook ${hook.name}`;
    const judge = async (): Promise<Check> => {
      checkHookTemplates(hook, index, evaluator);
      const values = await Promise.all(hook.secrets.map((secret) => secrets.resolve(secret, { task: HOOK_TASK, targets: [] })));
      const short = values.some((value) => keyBytes(hook, value) < MIN_KEY_BYTES);
      const detail = `${hook.signature.kind}, signed with ${hook.secrets.join(' or ')}`;
      if (!short) return { name, state: 'ok', detail };
      return { name, state: 'warn', detail: `${detail}: a secret is shorter than ${MIN_KEY_BYTES} bytes`, action: 'Make a longer one: openssl rand -hex 32' };
    };
    checks.push(...(await guarded(name, 'Correct the configuration.', judge)));
  }
  return checks;
}

/** Asked of a store that is open: a hook whose workflow is not there refuses deliveries until it is. */
export function checkHookWorkflows(engine: OrchestrationEngine, hooks: readonly Hook[]): readonly Check[] {
  return hooks.flatMap((hook): Check[] => {
    const workflow = hookWorkflow(hook);
    if (workflow === null || engine.backend.findDefinition({ namespace: hook.namespace, name: workflow }) !== null) return [];
    const detail = `There is no workflow ${workflow} in ${hook.namespace}; deliveries are refused with 503 until there is.`;
    return [
      { name: `hook ${hook.name} workflow`, state: 'warn', detail, action: 'Store it with create_workflow, or put its file into the folder workflowsDir.' },
    ];
  });
}

function keyBytes({ signature }: Hook, secret: string): number {
  return signature.kind === 'standard_webhooks' ? webhookKey(secret).length : Buffer.byteLength(secret);
}
