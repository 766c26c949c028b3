// Owns checking one source of configuration: either fields that may be used, or every fault in it.

import { type ConfigFault, schemaFaults } from './config-faults.ts';
import { type ConfigFields, ConfigInput } from './config-schema.ts';
import { crossFaults } from './cross-checks.ts';

export interface ParsedSource {
  readonly fields: ConfigFields;
  readonly faults: readonly ConfigFault[];
}

/** `nameOf` gives the name that the user wrote for a key, where it is not the key itself (a variable, a flag). */
export function parseSource(raw: unknown, source: string, nameOf: ReadonlyMap<string, string> = new Map()): ParsedSource {
  const result = ConfigInput.safeParse(raw);
  const found = [...(result.success ? [] : schemaFaults(ConfigInput, result.error.issues, source)), ...crossFaults(raw, source)];
  const faults = found.map((fault) => {
    const key = /^[^.[]*/.exec(fault.path)?.[0] ?? '';
    const name = nameOf.get(key);
    return name === undefined ? fault : { ...fault, path: name };
  });
  return { fields: result.success ? result.data : {}, faults };
}
