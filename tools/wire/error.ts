// Owns an error inside a reply: code and message always, the rest when it helps.
import type { ErrorData } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { DefinitionFault } from '../../src/domain/workflow-definition.ts';
import { compact, shortText } from './compact.ts';

export function errorToWire(error: ErrorData | null | undefined): JsonObject | undefined {
  if (error === null || error === undefined) return undefined;
  return compact({ code: error.code, message: shortText(error.message, 500), path: error.path, expected: error.expected, retryable: error.retryable });
}

export function faultToWire(fault: DefinitionFault): JsonObject {
  return compact({ path: fault.path, code: fault.code, message: fault.message, expected: fault.expected, near_matches: fault.nearMatches });
}
