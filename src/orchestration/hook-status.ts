// Owns how hooks stand: what came to each since the server began, what became of it, and what was refused last.
import { type Hook, hookWorkflow } from '../domain/hook.ts';

export interface HookFigures {
  readonly accepted: number;
  readonly replayed: number;
  readonly ignored: number;
  readonly refused: number;
  readonly lastDelivery: { readonly at: number; readonly id: string | null; readonly outcome: string; readonly executionId: string | null } | null;
  readonly lastRefusal: { readonly at: number; readonly code: string } | null;
}

export interface HookStatus {
  readonly name: string;
  readonly does: 'start' | 'signal';
  readonly workflow: string | null;
  readonly signature: Hook['signature']['kind'];
  /** Null in a process that does not serve it. */
  readonly figures: HookFigures | null;
}

export type HookEvent =
  | {
      readonly kind: 'accepted' | 'replayed' | 'ignored';
      readonly at: number;
      readonly id: string | null;
      readonly outcome: string;
      readonly executionId: string | null;
    }
  | { readonly kind: 'refused'; readonly at: number; readonly code: string };

const NONE: HookFigures = { accepted: 0, replayed: 0, ignored: 0, refused: 0, lastDelivery: null, lastRefusal: null };

/** What a server notes of the hooks that it serves; shared by its engines. */
export class HookRecord {
  readonly #figures = new Map<string, HookFigures>();

  note(hook: string, event: HookEvent): void {
    const before = this.of(hook);
    const counted = { ...before, [event.kind]: before[event.kind] + 1 };
    this.#figures.set(
      hook,
      event.kind === 'refused'
        ? { ...counted, lastRefusal: { at: event.at, code: event.code } }
        : { ...counted, lastDelivery: { at: event.at, id: event.id, outcome: event.outcome, executionId: event.executionId } },
    );
  }

  of(hook: string): HookFigures {
    return this.#figures.get(hook) ?? NONE;
  }
}

export function hookStatus(hooks: readonly Hook[], namespace: string, record: HookRecord | null): readonly HookStatus[] {
  return hooks
    .filter((hook) => hook.namespace === namespace)
    .map((hook) => ({
      name: hook.name,
      does: hook.action.kind,
      workflow: hookWorkflow(hook),
      signature: hook.signature.kind,
      figures: record?.of(hook.name) ?? null,
    }));
}
