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
  'clear_cache',
] as const;
export type ControlAction = (typeof CONTROL_ACTIONS)[number];
export type ControlKind = 'execution' | 'job' | 'session' | 'workflow' | 'queue' | 'schedule' | 'pool';

interface Rule {
  readonly on: readonly ControlKind[];
  readonly takes: readonly string[];
  readonly needs?: readonly string[];
  /** One of these. */
  readonly needsOne?: readonly string[];
}

const RULES: Readonly<Record<ControlAction, Rule>> = {
  cancel: { on: ['execution', 'job'], takes: ['reason'] },
  pause: { on: ['execution', 'queue', 'schedule'], takes: [] },
  resume: { on: ['execution', 'queue', 'schedule', 'workflow'], takes: [] },
  retry: { on: ['execution', 'job'], takes: [] },
  restart: { on: ['execution'], takes: [] },
  fork: { on: ['execution'], takes: ['step'], needs: ['step'] },
  signal: { on: ['execution'], takes: ['name', 'payload', 'signal_id'], needs: ['name'] },
  approve: { on: ['execution'], takes: ['step', 'approved', 'comment', 'digest'] },
  redrive: { on: ['job'], takes: [] },
  delete: { on: ['workflow', 'schedule', 'pool'], takes: [] },
  update: { on: ['execution', 'session', 'queue', 'schedule', 'pool'], takes: ['context', 'context_version', 'budget'], needsOne: ['context', 'budget'] },
  trigger: { on: ['schedule'], takes: ['input'] },
  clear_cache: { on: ['workflow'], takes: [] },
  backfill: { on: ['schedule'], takes: ['from', 'to', 'limit'], needs: ['from', 'to'] },
};

/** Where a kind takes other parameters than the rest. */
const OWN_RULES: Partial<Readonly<Record<`${ControlKind} ${ControlAction}`, Pick<Rule, 'takes' | 'needs' | 'needsOne'>>>> = {
  'execution update': { takes: ['budget'], needs: ['budget'] },
  'queue update': { takes: ['concurrency', 'rate_limit', 'order'], needsOne: ['concurrency', 'rate_limit', 'order'] },
  'schedule pause': { takes: ['reason'] },
  'pool update': { takes: ['change'], needs: ['change'] },
  'schedule update': { takes: ['change'], needs: ['change'] },
};

const EVERYWHERE = ['id', 'filter', 'action', 'idempotency_key'];

/** Throws unless the action exists, acts on this kind, and takes what is given. */
export function checkAction(action: ControlAction, kind: ControlKind, given: Readonly<Record<string, unknown>>): void {
  const { on, ...common } = RULES[action];
  if (!on.includes(kind)) {
    throw new LogisticsError('invalid_input', `The action ${action} does not act on a ${kind}.`, {
      path: 'action',
      expected: `for a ${kind}: ${actionsOf(kind).join(', ')}; ${action} acts on: ${on.join(', ')}`,
    });
  }
  const rule: Omit<Rule, 'on'> = OWN_RULES[`${kind} ${action}`] ?? common;
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
  const { needsOne = [] } = rule;
  if (needsOne.length > 0 && needsOne.every((name) => given[name] === undefined))
    throw new LogisticsError('invalid_input', `The action ${action} of a ${kind} needs ${needsOne.join(' or ')}.`, {
      path: needsOne[0],
      expected: `at least one of ${needsOne.join(', ')}; null takes a limit away`,
    });
}

/** What can be done to a kind. */
export function actionsOf(kind: ControlKind): ControlAction[] {
  return CONTROL_ACTIONS.filter((action) => RULES[action].on.includes(kind));
}
