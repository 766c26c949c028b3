// Owns which control action acts on which kind of object, and which parameters each takes; a parameter that would not act is refused.
import { LogisticsError } from '../../src/domain/errors.ts';

export const CONTROL_ACTIONS = [
  'cancel',
  'pause',
  'resume',
  'retry',
  'restart',
  'fork',
  'signal',
  'approve',
  'redrive',
  'delete',
  'update',
  'trigger',
  'backfill',
] as const;
export type ControlAction = (typeof CONTROL_ACTIONS)[number];
export type ControlKind = 'execution' | 'job' | 'session' | 'workflow';

interface Rule {
  readonly on: readonly ControlKind[];
  readonly takes: readonly string[];
  readonly needs?: readonly string[];
}

const RULES: Partial<Readonly<Record<ControlAction, Rule>>> = {
  cancel: { on: ['execution', 'job'], takes: ['reason'] },
  pause: { on: ['execution'], takes: [] },
  resume: { on: ['execution'], takes: [] },
  retry: { on: ['execution', 'job'], takes: [] },
  restart: { on: ['execution'], takes: [] },
  fork: { on: ['execution'], takes: ['step'], needs: ['step'] },
  signal: { on: ['execution'], takes: ['name', 'payload', 'signal_id'], needs: ['name'] },
  approve: { on: ['execution'], takes: ['step', 'approved', 'comment', 'digest'] },
  redrive: { on: ['job'], takes: [] },
  delete: { on: ['workflow'], takes: [] },
  update: { on: ['session'], takes: ['context', 'context_version'], needs: ['context'] },
};

const EVERYWHERE = ['id', 'filter', 'action', 'idempotency_key'];

/** Throws unless the action exists, acts on this kind, and takes what is given. */
export function checkAction(action: ControlAction, kind: ControlKind, given: Readonly<Record<string, unknown>>): void {
  const rule = RULES[action];
  if (rule === undefined)
    throw new LogisticsError('not_available', `The action ${action} belongs to schedules, which are not built yet.`, {
      path: 'action',
      expected: `one of ${actionsOf(kind).join(', ')}`,
    });
  if (!rule.on.includes(kind)) {
    throw new LogisticsError('invalid_input', `The action ${action} does not act on a ${kind}.`, {
      path: 'action',
      expected: `for a ${kind}: ${actionsOf(kind).join(', ')}; ${action} acts on: ${rule.on.join(', ')}`,
    });
  }
  const idle = Object.keys(given).find((name) => given[name] !== undefined && !rule.takes.includes(name) && !EVERYWHERE.includes(name));
  if (idle !== undefined) {
    throw new LogisticsError('invalid_input', `The action ${action} does not take ${idle}.`, {
      path: idle,
      expected: rule.takes.length === 0 ? 'no further parameter' : `only ${rule.takes.join(', ')}`,
    });
  }
  const absent = rule.needs?.find((name) => given[name] === undefined);
  if (absent !== undefined)
    throw new LogisticsError('invalid_input', `The action ${action} needs ${absent}.`, { path: absent, expected: `${absent} is required` });
}

function actionsOf(kind: ControlKind): string[] {
  return CONTROL_ACTIONS.filter((action) => RULES[action]?.on.includes(kind));
}
