// Owns the largest output that a decision itself makes; stores refuse larger ones, and a refused decision would be made for ever.

export const MAX_OUTPUT_BYTES = 16_777_216;

/** True when the text takes more than 16 MiB as UTF-8. */
export function isTooLarge(json: string): boolean {
  return json.length * 3 > MAX_OUTPUT_BYTES && new TextEncoder().encode(json).length > MAX_OUTPUT_BYTES;
}
