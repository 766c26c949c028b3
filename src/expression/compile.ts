// Owns turning a checked syntax tree into closures over plain JSON values.
import type { Json } from '../domain/json.ts';
import { lookup, missing, missingRoot } from './access.ts';
import { type ExpressionFailure, invalid } from './failure.ts';
import { absorb, type Frame, isTrue, NO_SLOTS, type Run, type Slots } from './frame.ts';
import { findFunction, LAZY_FUNCTIONS, LOOPS, STATUS_FUNCTIONS } from './functions/library.ts';
import { compileLoop } from './loops.ts';
import { add, calculate, equal, isIn, negate, order } from './operators.ts';
import type { ASTNode } from './parse.ts';
import { chainOf, isAccess, keyText, pathText } from './paths.ts';
import { kindOf, objectOf } from './value.ts';

/** As Run, but undefined where a reference leads nowhere. */
type SoftRun = (frame: Frame) => Json | undefined;

/** Compiles a tree that `analyse` found free of problems. */
export function compile(node: ASTNode, slots: Slots = NO_SLOTS): Run {
  switch (node.op) {
    case 'value': {
      const value = literal(node.args);
      return () => value;
    }
    case 'id':
    case '.':
    case '[]':
      return compileReference(node, slots);
    case 'call':
      return compileCall(node.args[0], node.args[1], slots);
    case 'rcall': {
      const [name, receiver, args] = node.args;
      return LOOPS.has(name) ? compileLoop(name, receiver, args, slots, compile) : compileCall(name, [receiver, ...args], slots);
    }
    case 'list': {
      const elements = node.args.map((element) => compile(element, slots));
      return (frame) => {
        frame.meter.spend(elements.length);
        return elements.map((run) => run(frame));
      };
    }
    case 'map':
      return compileMap(node.args, slots);
    case '?:': {
      const [condition, yes, no] = node.args.map((part) => compile(part, slots)) as [Run, Run, Run];
      return (frame) => (isTrue(condition(frame), 'The condition of ?:') ? yes(frame) : no(frame));
    }
    case '&&':
      return compileLogic(node.args, false, slots);
    case '||':
      return compileLogic(node.args, true, slots);
    case '!_': {
      const operand = compile(node.args, slots);
      return (frame) => !isTrue(operand(frame), '"!"');
    }
    case '-_': {
      const operand = compile(node.args, slots);
      return (frame) => negate(operand(frame));
    }
    case '.?':
    case '[?]':
      throw invalid('Optional access is not available.');
    default:
      return compileBinary(node.op, compile(node.args[0], slots), compile(node.args[1], slots));
  }
}

function literal(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  return Number(value);
}

function compileBinary(operator: string, left: Run, right: Run): Run {
  switch (operator) {
    case '+':
      return (frame) => add(left(frame), right(frame), frame.meter);
    case '-':
    case '*':
    case '/':
    case '%':
      return (frame) => calculate(operator, left(frame), right(frame));
    case '==':
      return (frame) => equal(left(frame), right(frame), frame.meter);
    case '!=':
      return (frame) => !equal(left(frame), right(frame), frame.meter);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (frame) => order(operator, left(frame), right(frame), frame.meter);
    case 'in':
      return (frame) => isIn(left(frame), right(frame), frame.meter);
    default:
      throw invalid(`There is no operator ${operator}.`);
  }
}

/** `&&` and `||` as in CEL: a side that decides the result absorbs a failure of the other. */
function compileLogic(parts: readonly [ASTNode, ASTNode], decisive: boolean, slots: Slots): Run {
  const left = compile(parts[0], slots);
  const right = compile(parts[1], slots);
  const what = decisive ? '"||"' : '"&&"';
  return (frame) => {
    let failure: ExpressionFailure | undefined;
    try {
      if (isTrue(left(frame), what) === decisive) return decisive;
    } catch (error) {
      failure = absorb(error, frame);
    }
    const value = isTrue(right(frame), what);
    if (failure && value !== decisive) throw failure;
    return value;
  };
}

function compileMap(entries: readonly (readonly [ASTNode, ASTNode])[], slots: Slots): Run {
  const members = entries.map(([key, value]) => [compile(key, slots), compile(value, slots)] as const);
  return (frame) => {
    frame.meter.spend(members.length * 2);
    return objectOf(
      members.map(([key, value]) => {
        const name = key(frame);
        if (typeof name !== 'string') throw invalid(`The keys of an object are text, got ${kindOf(name)}.`, 'string(x) converts');
        return [name, value(frame)] as const;
      }),
    );
  };
}

function compileCall(name: string, args: readonly ASTNode[], slots: Slots): Run {
  if (STATUS_FUNCTIONS.has(name)) {
    if (name === 'success') return (frame) => !frame.failed;
    if (name === 'failure') return (frame) => frame.failed;
    return () => true;
  }
  if (LAZY_FUNCTIONS.has(name)) {
    const reference = compileSoft(args[0] as ASTNode, slots);
    if (name === 'has') return (frame) => reference(frame) !== undefined;
    const fallback = compile(args[1] as ASTNode, slots);
    return (frame) => reference(frame) ?? fallback(frame);
  }
  const spec = findFunction(name);
  if (!spec) throw invalid(`There is no function ${name}().`);
  const runs = args.map((argument) => compile(argument, slots));
  return (frame) => {
    frame.meter.spend(2);
    return spec.run(
      runs.map((run) => run(frame)),
      frame.meter,
    );
  };
}

/** Reads a chain of accesses in one loop; the message is only put together when something is missing. */
function compileReference(node: ASTNode, slots: Slots): Run {
  const read = compileChain(node, slots);
  return (frame) => read(frame, true) as Json;
}

/** undefined for a missing reference; elsewhere in the expression only unresolved references are forgiven. */
function compileSoft(node: ASTNode, slots: Slots): SoftRun {
  const chain = node.op === 'id' || isAccess(node) ? compileChain(node, slots) : undefined;
  if (chain && !chainOf(node).keys.some((key) => typeof key === 'object')) return (frame) => chain(frame, false);
  const run: SoftRun = chain ? (frame) => chain(frame, false) : compile(node, slots);
  return (frame) => {
    try {
      return run(frame);
    } catch (error) {
      const failure = absorb(error, frame);
      if (failure.code !== 'unresolved_reference') throw failure;
      return undefined;
    }
  };
}

function compileChain(node: ASTNode, slots: Slots): (frame: Frame, strict: boolean) => Json | undefined {
  const { base, keys } = chainOf(node);
  const start = base.op === 'id' ? compileName(base.args, slots) : compileBase(base, slots);
  const steps = keys.map((key) => (typeof key === 'object' ? compile(key, slots) : key));
  const baseText = pathText(base);
  return (frame, strict) => {
    let value = start(frame, strict);
    for (let i = 0; i < steps.length; i++) {
      if (value === undefined) return undefined;
      const step = steps[i] as string | number | Run;
      const key = typeof step === 'function' ? step(frame) : step;
      const next: Json | undefined = lookup(value, key);
      if (next === undefined && strict) {
        const owner = keys.slice(0, i).reduce<string>((text, part) => text + keyText(part, text === 'steps'), baseText);
        throw missing(value, key, owner, owner + keyText(typeof key === 'string' || typeof key === 'number' ? key : (keys[i] as ASTNode), owner === 'steps'));
      }
      value = next;
    }
    return value;
  };
}

function compileName(name: string, slots: Slots): (frame: Frame, strict: boolean) => Json | undefined {
  const slot = slots.names.get(name);
  if (slot !== undefined) return (frame) => frame.locals[slot];
  return (frame, strict) => {
    const value = Object.hasOwn(frame.values, name) ? frame.values[name] : undefined;
    if (value === undefined && strict) throw missingRoot(name, frame.values);
    return value;
  };
}

function compileBase(base: ASTNode, slots: Slots): (frame: Frame, strict: boolean) => Json | undefined {
  const run = compile(base, slots);
  const soft = compileSoft(base, slots);
  return (frame, strict) => (strict ? run(frame) : soft(frame));
}
