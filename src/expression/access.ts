// Owns reading values by name: own members only, and an error that says what is there instead.
import type { Json, JsonObject } from '../domain/json.ts';
import { ExpressionFailure, invalid } from './failure.ts';
import { isList, kindOf } from './value.ts';

/** The member, or undefined when it is missing. Lists take whole numbers, objects take texts and numbers. */
export function lookup(owner: Json, key: Json): Json | undefined {
  if (owner === null || typeof owner !== 'object') return undefined;
  if (Array.isArray(owner)) return typeof key === 'number' ? (owner[key] as Json | undefined) : undefined;
  const name = typeof key === 'number' ? String(key) : key;
  return typeof name === 'string' && Object.hasOwn(owner, name) ? (owner as JsonObject)[name] : undefined;
}

/** Why `lookup` found nothing; `ownerText` and `reference` are paths as the user wrote them. */
export function missing(owner: Json, key: Json, ownerText: string, reference: string): ExpressionFailure {
  if (typeof key !== 'string' && typeof key !== 'number') return invalid(`${ownerText}: an index is a number or text, got ${kindOf(key)}.`);
  const tail = `Use has(${reference}) or default(${reference}, fallback) if it may be absent.`;
  if (isList(owner)) {
    if (typeof key === 'number') {
      if (!Number.isInteger(key)) return invalid(`${ownerText}: ${key} is not a whole number.`, 'a whole number as index');
      const range = owner.length === 0 ? 'is empty' : `has the indexes 0 to ${owner.length - 1}`;
      return new ExpressionFailure('unresolved_reference', `${reference} does not exist: ${ownerText} ${range}. ${tail}`, { reference });
    }
    const advice = key === 'length' ? `Use size(${ownerText}).` : `Fields belong to its elements: ${ownerText}[0].${key} or ${ownerText}.map(e, e.${key}).`;
    return new ExpressionFailure('unresolved_reference', `${ownerText} is a list and has no field "${key}". ${advice}`, { reference });
  }
  if (owner === null || typeof owner !== 'object') {
    const advice = key === 'length' && typeof owner === 'string' ? `Use size(${ownerText}).` : tail;
    return new ExpressionFailure('unresolved_reference', `${reference} does not exist: ${ownerText} is ${kindOf(owner)} and has no fields. ${advice}`, {
      reference,
    });
  }
  const keys = Object.keys(owner);
  const shown = keys.length === 0 ? 'it is empty' : `it has ${keys.slice(0, 10).join(', ')}${keys.length > 10 ? ` and ${keys.length - 10} more` : ''}`;
  const message = `${reference} does not exist: ${ownerText} has no field "${key}"; ${shown}. ${tail}`;
  return new ExpressionFailure('unresolved_reference', message, { reference, owner, key: String(key) });
}

/** A root that has no value in this place. */
export function missingRoot(name: string, values: JsonObject): ExpressionFailure {
  const why = name === 'item' || name === 'index' ? ' It exists inside forEach only.' : '';
  return new ExpressionFailure('unresolved_reference', `"${name}" has no value here; there are ${Object.keys(values).join(', ') || 'no names'}.${why}`, {
    reference: name,
    owner: values,
    key: name,
  });
}
