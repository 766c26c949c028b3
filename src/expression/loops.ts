// Owns the comprehensions map, filter, all, exists and exists_one; each turn is paid for by the size of its body.
import type { Json } from '../domain/json.ts';
import { type ExpressionFailure, invalid } from './failure.ts';
import { absorb, type Frame, isTrue, type Run, type Slots } from './frame.ts';
import type { ASTNode } from './parse.ts';
import { isList, kindOf } from './value.ts';

type Compile = (node: ASTNode, slots: Slots) => Run;

/** `receiver.name(variable, …)`. */
export function compileLoop(name: string, receiver: ASTNode, args: readonly ASTNode[], slots: Slots, compile: Compile): Run {
  const variable = args[0];
  if (variable?.op !== 'id') throw invalid(`${name}() takes a variable and an expression.`);
  const slot = slots.count;
  const inside: Slots = { names: new Map(slots.names).set(variable.args, slot), count: slot + 1 };
  const list = compile(receiver, slots);
  const bodies = args.slice(1).map((body) => compile(body, inside));
  const turn = 2 + args.slice(1).reduce((sum, body) => sum + weight(body), 0);
  const each = (frame: Frame, visit: (element: Json) => boolean): void => {
    for (const element of elementsOf(list(frame), name)) {
      frame.meter.spend(turn);
      frame.locals[slot] = element;
      if (!visit(element)) return;
    }
  };
  return loopOf(name, bodies, each);
}

type Each = (frame: Frame, visit: (element: Json) => boolean) => void;

function loopOf(name: string, bodies: readonly Run[], each: Each): Run {
  const body = bodies.at(-1) as Run;
  const predicate = bodies[0] as Run;
  const test = (frame: Frame): boolean => isTrue(predicate(frame), `${name}()`);
  switch (name) {
    case 'map':
    case 'filter': {
      const conditional = name === 'filter' || bodies.length === 2;
      const maps = name === 'map';
      return (frame) => {
        const result: Json[] = [];
        each(frame, (element) => {
          if (!conditional || test(frame)) result.push(maps ? body(frame) : element);
          return true;
        });
        return result;
      };
    }
    case 'all':
      return (frame) => quantify(frame, each, test, false);
    case 'exists':
      return (frame) => quantify(frame, each, test, true);
    default:
      return (frame) => {
        let count = 0;
        each(frame, () => {
          if (test(frame)) count++;
          return true;
        });
        return count === 1;
      };
  }
}

/** As in CEL, an element that decides the result absorbs the failures of the others. */
function quantify(frame: Frame, each: Each, test: (frame: Frame) => boolean, decisive: boolean): boolean {
  let failure: ExpressionFailure | undefined;
  let decided = false;
  each(frame, () => {
    try {
      decided = test(frame) === decisive;
    } catch (error) {
      const absorbed = absorb(error, frame);
      failure ??= absorbed;
    }
    return !decided;
  });
  if (failure && !decided) throw failure;
  return decided ? decisive : !decisive;
}

/** What a loop runs over: the elements of a list, the keys of an object. */
function elementsOf(value: Json, name: string): readonly Json[] {
  if (isList(value)) return value;
  if (value !== null && typeof value === 'object') return Object.keys(value);
  throw invalid(`${name}() needs a list or an object, got ${kindOf(value)}.`, value === null ? 'default(list, []) replaces null' : undefined);
}

/** Number of nodes in a tree. */
function weight(node: ASTNode): number {
  const parts = childrenOf(node);
  return parts.reduce((sum, part) => sum + weight(part), 1);
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'list':
      return node.args;
    case 'map':
      return node.args.flat();
    case '?:':
      return node.args;
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
