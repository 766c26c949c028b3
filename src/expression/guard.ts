// Owns what an expression may contain: known names and functions, bounded nesting, named steps and secrets.
import type { ReferencePath } from '../domain/evaluator.ts';
import { HOOK_ROOTS } from '../domain/hook.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Problem } from './failure.ts';
import { findFunction, LAZY_FUNCTIONS, LOOPS, STATUS_FUNCTIONS, unknownFunction } from './functions/library.ts';
import type { ExpressionLimits } from './limits.ts';
import type { ASTNode } from './parse.ts';
import { chainOf, isAccess } from './paths.ts';

/** Names an expression may start from; which of them has a value where, its place says. */
const ROOTS: readonly string[] = [...['input', 'steps', 'item', 'index', 'session', 'execution', 'schedule', 'last', 'secrets', 'event'], ...HOOK_ROOTS];
/** Roots whose members must be named one by one, because the engine loads exactly the ones named. */
const NAMED_ROOTS: ReadonlyMap<string, string> = new Map([
  ['steps', 'steps.<id>.output'],
  ['secrets', 'secrets.<NAME>'],
]);

export interface Analysis {
  readonly problems: readonly Problem[];
  readonly references: readonly ReferencePath[];
  readonly usesStatus: boolean;
  /** Deepest nesting of map, filter, all, exists and exists_one. */
  readonly loops: number;
}

interface Place {
  readonly locals: ReadonlySet<string>;
  readonly depth: number;
  readonly loops: number;
}

/** Walks the whole tree and reports every problem in it. */
export function analyse(root: ASTNode, limits: ExpressionLimits): Analysis {
  const guard = new Guard(limits);
  guard.visit(root, { locals: new Set(), depth: 1, loops: 0 });
  return guard;
}

class Guard implements Analysis {
  readonly problems: Problem[] = [];
  readonly references: ReferencePath[] = [];
  usesStatus = false;
  loops = 0;
  readonly #limits: ExpressionLimits;
  #tooDeep = false;

  constructor(limits: ExpressionLimits) {
    this.#limits = limits;
  }

  visit(node: ASTNode, place: Place): void {
    if (place.depth > this.#limits.depth) {
      if (!this.#tooDeep) this.problems.push({ code: 'expression_too_costly', message: `The expression is nested deeper than ${this.#limits.depth} levels.` });
      this.#tooDeep = true;
      return;
    }
    switch (node.op) {
      case 'value':
        this.#literal(node.args);
        break;
      case 'id':
      case '.':
      case '[]':
        this.#chain(node, place);
        break;
      case 'call':
        this.#call(node.args[0], node.args[1], undefined, place);
        break;
      case 'rcall':
        if (LOOPS.has(node.args[0])) this.#loop(node.args[0], node.args[1], node.args[2], place);
        else this.#call(node.args[0], node.args[2], node.args[1], place);
        break;
      case 'list':
      case '?:':
        this.#inner(node.args, place);
        break;
      case 'map':
        for (const [key] of node.args)
          if (key.op === 'value' && typeof key.args !== 'string') this.#refuse('The keys of an object are text.', 'for example {"a": 1}');
        this.#inner(node.args.flat(), place);
        break;
      case '!_':
      case '-_':
        this.#inner([node.args], place);
        break;
      case '.?':
      case '[?]':
        this.#refuse('Optional access is not available.', 'has(x.y) or default(x.y, fallback)');
        break;
      default:
        // A chain such as a + b + c leans to the left without being nested for the reader.
        this.visit(node.args[0], place);
        this.#inner([node.args[1]], place);
    }
  }

  #inner(nodes: readonly ASTNode[], place: Place): void {
    const inner = { ...place, depth: place.depth + 1 };
    for (const node of nodes) this.visit(node, inner);
  }

  #refuse(message: string, expected?: string): void {
    this.problems.push({ code: 'invalid_expression', message, expected });
  }

  #literal(value: unknown): void {
    if (value instanceof Uint8Array) {
      this.#refuse('Byte texts (b"…") are not available.', 'plain text');
    } else if (typeof value === 'bigint' || (typeof value === 'object' && value !== null)) {
      if (!Number.isSafeInteger(Number(value))) this.#refuse('The whole number lies beyond 2^53 and would lose digits.', 'keep such numbers as text');
    }
  }

  #chain(node: ASTNode, place: Place): void {
    const { base, keys } = chainOf(node);
    this.#inner(
      keys.filter((key) => typeof key === 'object'),
      place,
    );
    if (base.op !== 'id') this.visit(base, place);
    else if (!place.locals.has(base.args)) this.#root(base, base.args, keys, place);
  }

  #root(node: ASTNode, name: string, keys: readonly (string | number | ASTNode)[], place: Place): void {
    if (!ROOTS.includes(name)) {
      this.problems.push(unknownName(node, name, place.locals));
      return;
    }
    const dynamic = keys.findIndex((key) => typeof key !== 'string');
    const path = (dynamic < 0 ? keys : keys.slice(0, dynamic)) as readonly string[];
    const named = NAMED_ROOTS.get(name);
    if (named !== undefined && path.length === 0) this.#refuse(`${name} must be named: write which one.`, named);
    else this.references.push([name, ...path]);
  }

  #call(name: string, args: readonly ASTNode[], receiver: ASTNode | undefined, place: Place): void {
    const all = receiver ? [receiver, ...args] : args;
    const known = LAZY_FUNCTIONS.get(name) ?? findFunction(name);
    if (STATUS_FUNCTIONS.has(name)) {
      this.usesStatus = true;
      if (all.length > 0) this.#refuse(`${name}() takes no arguments.`);
    } else if (LOOPS.has(name)) {
      this.#refuse(`${name} is called on a list.`, `list.${name}(e, …)`);
    } else if (!known) {
      this.problems.push(unknownFunction(name));
    } else if (all.length < known.arity[0] || all.length > known.arity[1]) {
      this.#refuse(`${name}() got ${all.length} arguments.`, known.usage);
    } else if (name === 'has' && (receiver || !isReference(all[0]))) {
      this.#refuse('has() takes one reference.', known.usage);
    }
    if (receiver) this.visit(receiver, place);
    this.#inner(args, place);
  }

  #loop(name: string, receiver: ASTNode, args: readonly ASTNode[], place: Place): void {
    const [min, max] = LOOPS.get(name) as readonly [number, number];
    this.visit(receiver, place);
    const variable = args[0];
    if (args.length < min || args.length > max || variable?.op !== 'id') {
      this.#refuse(`${name}() takes a variable and an expression.`, `list.${name}(e, …)`);
    } else if (NAMED_ROOTS.has(variable.args)) {
      this.#refuse(`"${variable.args}" cannot be the variable of ${name}().`, 'another name');
    } else {
      const loops = place.loops + 1;
      this.loops = Math.max(this.loops, loops);
      this.#inner(args.slice(1), { locals: new Set([...place.locals, variable.args]), depth: place.depth, loops });
    }
  }
}

function unknownName(node: ASTNode, name: string, locals: ReadonlySet<string>): Problem {
  const known = [...ROOTS, ...locals];
  const hyphen = /[A-Za-z0-9_]-$/.test(node.input.slice(0, node.start)) ? " A field with a hyphen is written x['first-second']." : '';
  const isFunction = findFunction(name) !== undefined || STATUS_FUNCTIONS.has(name);
  return {
    code: 'unresolved_reference',
    message: `There is no name "${name}" here.${hyphen}`,
    expected: isFunction ? `${name}(…) calls the function` : `one of ${known.join(', ')}; text stands in quotes`,
    nearMatches: nearMatches(name, known),
  };
}

function isReference(node: ASTNode | undefined): boolean {
  return node !== undefined && (node.op === 'id' || isAccess(node));
}
