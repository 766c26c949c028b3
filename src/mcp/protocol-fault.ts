// Owns how a fault looks where no tool is called: an error of the protocol with the same words; and the engine for such a request.
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { asLogisticsError } from '../domain/errors.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { EngineDoor } from '../tool-caller.ts';
import { errorText } from './tool-result.ts';

const OF_THE_REQUEST = new Set(['not_found', 'invalid_input', 'limit_exceeded', 'forbidden', 'not_available']);

export function protocolFault(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const known = asLogisticsError(error);
  return new ProtocolError(OF_THE_REQUEST.has(known.code) ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError, errorText(known.toData()));
}

/** The engine, reading what was committed anywhere before this request; faults are those of the protocol. */
export async function withEngine<T>(door: EngineDoor, work: (engine: OrchestrationEngine) => T | Promise<T>): Promise<T> {
  try {
    const engine = await door.get();
    await engine.backend.refresh?.();
    return await work(engine);
  } catch (error) {
    throw protocolFault(error);
  }
}
