// Owns the addresses of resources: which shapes there are, and that nothing else is taken for one.

export type ResourceRef =
  | { readonly kind: 'execution' | 'job' | 'schedule' | 'artifact'; readonly id: string }
  | { readonly kind: 'output'; readonly id: string; readonly step: string }
  | { readonly kind: 'workflow'; readonly name: string }
  | { readonly kind: 'reference'; readonly topic: string }
  | { readonly kind: 'status' };

const SCHEME = 'logistics://';
const MAX_CHARS = 1_000;
/** A part of a path as it means, not as it is written: no separator, no control character, never a step up. */
const PART = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,200}$/u;

const FOLDERS = { executions: 'execution', jobs: 'job', schedules: 'schedule', artifacts: 'artifact' } as const;

export const RESOURCE_TEMPLATES = {
  execution: 'logistics://executions/{id}',
  output: 'logistics://executions/{id}/steps/{step}/output',
  artifact: 'logistics://artifacts/{id}',
  workflow: 'logistics://workflows/{name}',
  job: 'logistics://jobs/{id}',
  schedule: 'logistics://schedules/{id}',
  reference: 'logistics://reference/{topic}',
} as const;

/** Null for what is no address of ours. */
export function parseResourceUri(uri: string): ResourceRef | null {
  if (uri.length > MAX_CHARS || !uri.startsWith(SCHEME) || /[?#]/.test(uri)) return null;
  const parts = uri.slice(SCHEME.length).split('/').map(decoded);
  if (!parts.every((part) => part !== null && PART.test(part))) return null;
  const [folder = '', name, steps, step, output, ...rest] = parts as string[];
  if (rest.length > 0) return null;
  if (folder === 'executions' && name !== undefined && steps === 'steps' && step !== undefined && output === 'output')
    return { kind: 'output', id: name, step };
  if (steps !== undefined) return null;
  if (name === undefined) return folder === 'status' ? { kind: 'status' } : null;
  if (folder === 'workflows') return { kind: 'workflow', name };
  if (folder === 'reference') return { kind: 'reference', topic: name };
  return Object.hasOwn(FOLDERS, folder) ? { kind: FOLDERS[folder as keyof typeof FOLDERS], id: name } : null;
}

export function resourceUri(ref: ResourceRef): string {
  switch (ref.kind) {
    case 'status':
      return `${SCHEME}status`;
    case 'output':
      return `${SCHEME}executions/${encodeURIComponent(ref.id)}/steps/${encodeURIComponent(ref.step)}/output`;
    case 'workflow':
      return `${SCHEME}workflows/${encodeURIComponent(ref.name)}`;
    case 'reference':
      return `${SCHEME}reference/${encodeURIComponent(ref.topic)}`;
    default:
      return `${SCHEME}${ref.kind}s/${encodeURIComponent(ref.id)}`;
  }
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
