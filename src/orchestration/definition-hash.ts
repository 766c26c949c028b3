// Owns the identity of a definition: one hash per normal form, whatever it was written in.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/json.ts';
import type { WorkflowDefinition } from '../domain/workflow-definition.ts';

/** SHA-256 over the canonical JSON of the normal form, 64 hex digits. */
export function hashDefinition(definition: WorkflowDefinition): string {
  return createHash('sha256').update(canonicalJson(definition)).digest('hex');
}
