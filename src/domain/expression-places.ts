// Owns which names an expression may use where: what has no value there is a fault of the definition, not of the run.
import type { FaultList } from './definition-faults.ts';
import type { Evaluator, ExpressionMode, ReferencePath } from './evaluator.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { join, joinAll } from './source-path.ts';

/** A template of a definition, and what it may read. */
export interface Place {
  readonly template: Json;
  /** Path in the normal form. */
  readonly path: string;
  readonly mode: ExpressionMode;
  /** What is read here, as it is called in messages. */
  readonly what: string;
  readonly item: boolean;
  readonly secrets: boolean;
  /** Says why a step may not be read here, or nothing; answers about ancestors may come later through other means. */
  readonly step: ((id: string, path: string) => void) | undefined;
}

const ROOTS = ['input', 'steps', 'session', 'execution', 'item', 'index', 'secrets'] as const;
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  session: ['context'],
  execution: ['id', 'workflow', 'attempt', 'error'],
};
const STEP_FIELDS = ['output', 'status', 'error'] as const;

/** Checks templates of one definition against its input schema and the places they stand in. */
export class ExpressionPlaces {
  readonly #evaluator: Evaluator;
  readonly #faults: FaultList;
  readonly #warnings: FaultList;
  readonly #input: InputNames | undefined;

  constructor(evaluator: Evaluator, inputSchema: JsonObject | undefined, faults: FaultList, warnings: FaultList) {
    this.#evaluator = evaluator;
    this.#faults = faults;
    this.#warnings = warnings;
    this.#input = inputSchema === undefined ? undefined : inputNames(inputSchema);
  }

  check(place: Place): void {
    for (const fault of this.#evaluator.check(place.template, place.mode)) {
      const path = joinAll(place.path, pointer(fault.path, place.template));
      this.#faults.add(path, fault.code, fault.message, { expected: fault.expected, near: fault.nearMatches });
    }
    this.#walk(place.template, place.path, place);
  }

  #walk(template: Json, path: string, place: Place): void {
    if (typeof template === 'string') this.#checkText(template, path, place);
    else if (Array.isArray(template)) for (const [i, item] of template.entries()) this.#walk(item, `${path}[${i}]`, place);
    else if (isJsonObject(template)) for (const [key, value] of Object.entries(template)) this.#walk(value, join(path, key), place);
  }

  #checkText(text: string, path: string, place: Place): void {
    if (!text.includes('{{')) return;
    if (/(?<!\$)\{\{\s*(?:input|steps|item|secrets|session|execution)\b/.test(text) && !text.includes('${{')) {
      this.#warnings.add(path, 'invalid_expression', 'The braces have no effect: this is plain text.', { expected: '${{ … }} around an expression' });
    }
    if (place.what !== 'if' && this.#evaluator.usesStatus(text)) {
      this.#faults.add(path, 'invalid_expression', 'success(), failure() and always() are only for if.', { expected: 'if: ${{ failure() }} on the step' });
    }
    const seen = new Set<string>();
    for (const reference of this.#evaluator.references(text)) {
      const key = reference.slice(0, 3).join('\n');
      if (seen.has(key)) continue;
      seen.add(key);
      this.#checkReference(reference, path, place);
    }
  }

  #checkReference(reference: ReferencePath, path: string, place: Place): void {
    const [root = '', name] = reference;
    if (root === 'steps') this.#checkStep(reference, path, place);
    else if (root === 'input') this.#checkInput(name, path);
    else if (root === 'item' || root === 'index') {
      if (!place.item) this.#refuse(path, `${root} has no value in ${place.what}: only the with of a step with forEach runs once per item.`);
    } else if (root === 'secrets') {
      if (!place.secrets) this.#refuse(path, `secrets may be used only in the with of tasks, not in ${place.what}.`);
    } else if (Object.hasOwn(FIELDS, root)) {
      const fields = FIELDS[root] as readonly string[];
      if (name !== undefined && !fields.includes(name))
        this.#refuse(path, `${root} has no field ${name}.`, `one of ${fields.join(', ')}`, this.#faults.near(name, fields));
    } else {
      this.#refuse(path, `There is no ${root} to read.`, `one of ${ROOTS.join(', ')}`, this.#faults.near(root, ROOTS));
    }
  }

  #checkStep(reference: ReferencePath, path: string, place: Place): void {
    const [, id = '', field] = reference;
    if (place.step === undefined) {
      this.#refuse(path, `Steps have no output yet in ${place.what}.`, 'input or session.context');
    } else {
      place.step(id, path);
      if (field !== undefined && !(STEP_FIELDS as readonly string[]).includes(field)) {
        this.#refuse(path, `A step has no field ${field}.`, `steps.${id}.output${field === 'outputs' ? '' : `.${field}`}, or one of ${STEP_FIELDS.join(', ')}`);
      }
    }
  }

  #checkInput(name: string | undefined, path: string): void {
    const names = this.#input;
    if (name === undefined || names === undefined || names.known.has(name)) return;
    const list = names.closed ? this.#faults : this.#warnings;
    const expected = names.known.size === 0 ? undefined : `one of ${[...names.known].slice(0, 20).join(', ')}`;
    list.add(path, 'unresolved_reference', `The input schema has no property ${name}.`, { expected, near: this.#faults.near(name, names.known) });
  }

  #refuse(path: string, message: string, expected?: string, near?: readonly string[]): void {
    this.#faults.add(path, 'unresolved_reference', message, { expected, near });
  }
}

interface InputNames {
  readonly known: ReadonlySet<string>;
  /** Further properties are refused by the schema. */
  readonly closed: boolean;
}

/** Undefined when the schema leaves other names open on purpose, or spreads them over subschemas. */
function inputNames(schema: JsonObject): InputNames | undefined {
  const { properties, additionalProperties } = schema;
  const spread = ['allOf', 'anyOf', 'oneOf', 'if', '$ref', '$dynamicRef', 'patternProperties', 'dependentSchemas', 'unevaluatedProperties'];
  if (spread.some((key) => Object.hasOwn(schema, key))) return undefined;
  if (additionalProperties !== undefined && additionalProperties !== false) return undefined;
  if (!isJsonObject(properties)) return undefined;
  return { known: new Set(Object.keys(properties)), closed: additionalProperties === false };
}

/** `/a/0` in a template -> `['a', 0]`; a number only where the template has a list. */
function pointer(text: string, template: Json): (string | number)[] {
  let at: Json | undefined = template;
  return text
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const list = Array.isArray(at);
      at = Array.isArray(at) ? (at[Number(key)] as Json | undefined) : isJsonObject(at) ? at[key] : undefined;
      return list ? Number(key) : key;
    });
}
