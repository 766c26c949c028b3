// Owns how faults of a definition are gathered and told: all of them, bounded, one line each, with what was meant.
import { type ErrorCode, WorkflowValidationError } from './errors.ts';
import { nearMatches } from './near-match.ts';
import type { DefinitionFault } from './workflow-definition.ts';

export const MAX_FAULTS = 1_000;
/** Names compared for "did you mean" over one validation; each costs up to 20 µs, so this bounds it to about a second. */
const NEAR_BUDGET = 50_000;
const LINES_SHOWN = 50;
const MAX_TEXT = 1_000;

export interface FaultExtra {
  readonly expected?: string | undefined;
  readonly near?: readonly string[] | undefined;
}

/** Gathers the faults of one validation; keeps the first MAX_FAULTS and counts the rest. */
export class FaultList {
  readonly #faults: DefinitionFault[] = [];
  #more = 0;
  #budget = NEAR_BUDGET;

  add(path: string, code: ErrorCode, message: string, extra: FaultExtra = {}): void {
    if (this.#faults.length >= MAX_FAULTS) {
      this.#more += 1;
      return;
    }
    this.#faults.push({
      path: clipped(path),
      code,
      message: clipped(message),
      ...(extra.expected === undefined ? {} : { expected: clipped(extra.expected) }),
      ...(extra.near === undefined || extra.near.length === 0 ? {} : { nearMatches: extra.near.map(clipped) }),
    });
  }

  /** Known names near a wrong one; empty when the budget of this validation is spent. */
  near(wrong: string, known: ReadonlySet<string> | ReadonlyMap<string, unknown> | readonly string[]): string[] {
    const size = 'size' in known ? known.size : known.length;
    if (this.#budget < size) return [];
    this.#budget -= size;
    return nearMatches(wrong, known instanceof Map ? known.keys() : (known as ReadonlySet<string> | readonly string[]));
  }

  get size(): number {
    return this.#faults.length + this.#more;
  }

  all(): DefinitionFault[] {
    if (this.#more === 0) return [...this.#faults];
    return [...this.#faults, { path: '', code: 'limit_exceeded', message: `and ${this.#more} more faults.` }];
  }
}

/** Names and values of the user stand in these texts and may be of any length. */
function clipped(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}

/** The text people and agents read: one line per fault, `path: message (expected …; did you mean …?)`. */
export function formatFaults(faults: readonly DefinitionFault[]): string {
  const lines = faults.slice(0, LINES_SHOWN).map(formatFault);
  if (faults.length > LINES_SHOWN) lines.push(`… and ${faults.length - LINES_SHOWN} more.`);
  return lines.join('\n');
}

function formatFault(fault: DefinitionFault): string {
  const notes: string[] = [];
  if (fault.expected !== undefined) notes.push(`expected ${fault.expected}`);
  if (fault.nearMatches !== undefined && fault.nearMatches.length > 0) notes.push(`did you mean ${fault.nearMatches.join(' or ')}?`);
  const text = notes.length === 0 ? fault.message : `${fault.message} (${notes.join('; ')})`;
  return fault.path === '' ? text : `${fault.path}: ${text}`;
}

/** The error for a definition with faults; `details.faults` lists all of them, path and near matches are the first one's. */
export function definitionError(faults: readonly DefinitionFault[], what = 'The workflow definition'): WorkflowValidationError {
  const [first] = faults;
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new WorkflowValidationError('invalid_definition', `${what} has ${count}:\n${formatFaults(faults)}`, {
    path: first?.path,
    expected: first?.expected,
    nearMatches: first?.nearMatches,
    details: { faults: faults.map((fault) => ({ ...fault })) } as never,
  });
}
