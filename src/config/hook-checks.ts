// Owns the rules between fields of hooks: one action, something to deduplicate by, and secrets that are meant for it.
import { HOOK_TASK } from '../domain/hook.ts';
import { isJsonObject } from '../domain/json.ts';

type Report = (path: readonly PropertyKey[], message: string, expected?: string) => void;

export function checkHooks(raw: Readonly<Record<string, unknown>>, report: Report): void {
  const hooks = Array.isArray(raw.hooks) ? (raw.hooks as unknown[]) : [];
  const taken = new Set<unknown>();
  for (const [index, hook] of hooks.entries()) {
    if (!isJsonObject(hook)) continue;
    const at = ['hooks', index];
    const { name, signature, start, signal, deliveryId, idempotency, secret } = hook;
    if (name !== undefined && taken.has(name)) report([...at, 'name'], 'is the name of another hook', 'a name of its own');
    taken.add(name);
    if ((start === undefined) === (signal === undefined)) report(at, 'names neither or both of start and signal', 'start, or signal');
    if (isJsonObject(signal)) checkTarget(signal, [...at, 'signal'], report);
    if (isJsonObject(signature) && deliveryId === undefined && idempotency === undefined)
      report([...at, 'deliveryId'], 'is missing: a delivery that comes twice must be known', 'the header that names a delivery, or idempotency');
    if (signature === 'standard_webhooks' && deliveryId !== undefined) report([...at, 'deliveryId'], 'is webhook-id here, which is signed');
    for (const one of Array.isArray(secret) ? (secret as unknown[]) : [secret]) checkBinding(raw.secrets, one, [...at, 'secret'], report);
  }
}

function checkTarget({ execution, workflow, key }: Readonly<Record<string, unknown>>, at: readonly PropertyKey[], report: Report): void {
  const byKey = workflow !== undefined || key !== undefined;
  if ((execution === undefined) !== byKey || (byKey && (workflow === undefined || key === undefined)))
    report(at, 'does not say which run is meant', 'execution, or workflow and key');
}

/** Where the secret is bound in the same file; one that is bound elsewhere is looked at by doctor. */
function checkBinding(secrets: unknown, name: unknown, at: readonly PropertyKey[], report: Report): void {
  const binding = isJsonObject(secrets) && typeof name === 'string' ? secrets[name] : undefined;
  if (!isJsonObject(binding) || !Array.isArray(binding.tasks) || (binding.tasks as unknown[]).includes(HOOK_TASK)) return;
  report(at, `is not bound to ${HOOK_TASK}`, `secrets.${String(name)}.tasks with ${HOOK_TASK}`);
}
