// Owns reading members of a reply: absent ones are empty text, so that a view never shows `undefined`.
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { fromNow } from './text.ts';

export function text(row: JsonObject, key: string): string {
  const value = row[key];
  return value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function number(row: JsonObject, key: string): number {
  const value = row[key];
  return typeof value === 'number' ? value : 0;
}

export function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Epoch ms of an ISO time, or null. */
export function moment(row: JsonObject, key: string): number | null {
  const at = Date.parse(text(row, key));
  return Number.isNaN(at) ? null : at;
}

export function ago(row: JsonObject, key: string, now: number): string {
  const at = moment(row, key);
  return at === null ? '' : fromNow(at, now);
}
