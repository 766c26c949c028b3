// Owns what a client is offered while its user types an argument of a resource template or a prompt.
import { type CompleteResult, ProtocolError, ProtocolErrorCode, type Server } from '@modelcontextprotocol/server';
import { nearMatches } from '../domain/near-match.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { EngineDoor } from '../tool-caller.ts';
import { type KnownKind, knownNames, knownSteps } from './known-names.ts';
import { PROMPT_ARGUMENTS } from './prompt-arguments.ts';
import { withEngine } from './protocol-fault.ts';
import { RESOURCE_TEMPLATES } from './resource-uri.ts';

const MOST = 100;

/** Template -> argument -> what it names; a step belongs to the execution that was chosen before. */
const TEMPLATE_ARGUMENTS: Readonly<Record<string, Readonly<Record<string, KnownKind | 'step'>>>> = {
  [RESOURCE_TEMPLATES.execution]: { id: 'execution' },
  [RESOURCE_TEMPLATES.output]: { id: 'execution', step: 'step' },
  [RESOURCE_TEMPLATES.artifact]: { id: 'artifact' },
  [RESOURCE_TEMPLATES.workflow]: { name: 'workflow' },
  [RESOURCE_TEMPLATES.job]: { id: 'job' },
  [RESOURCE_TEMPLATES.schedule]: { id: 'schedule' },
  [RESOURCE_TEMPLATES.reference]: { topic: 'topic' },
};

export function serveCompletions(server: Server, door: EngineDoor): void {
  server.setRequestHandler('completion/complete', async ({ params: { ref, argument, context } }): Promise<CompleteResult> => {
    const known = ref.type === 'ref/resource' ? TEMPLATE_ARGUMENTS[ref.uri] : PROMPT_ARGUMENTS[ref.name];
    if (known === undefined) {
      const [name, all] = ref.type === 'ref/resource' ? [ref.uri, Object.keys(TEMPLATE_ARGUMENTS)] : [ref.name, Object.keys(PROMPT_ARGUMENTS)];
      const [near] = nearMatches(name.slice(0, 200), all);
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `There is no ${name.slice(0, 200)} to complete. ${near === undefined ? `There are ${all.join(', ')}.` : `Did you mean ${near}?`}`,
      );
    }
    const kind = Object.hasOwn(known, argument.name) ? known[argument.name] : undefined;
    // An argument that is free text has nothing to offer.
    if (kind === undefined || kind === 'text') return { completion: { values: [] } };
    return withEngine(door, (engine) => ({ completion: fitting(valuesOf(engine, kind, context?.arguments?.id), argument.value) }));
  });
}

function valuesOf(engine: OrchestrationEngine, kind: KnownKind | 'step' | 'failed', id: string | undefined): string[] {
  if (kind === 'step') return id === undefined ? [] : knownSteps(engine, id);
  if (kind !== 'failed') return knownNames(engine, kind);
  return engine.backend.listExecutions({ filter: { namespace: engine.namespace, status: 'failed' }, limit: MOST, cursor: null }).items.map((row) => row.id);
}

/** Those that begin with it, then those that hold it. */
function fitting(values: readonly string[], typed: string): CompleteResult['completion'] {
  const wanted = typed.toLowerCase();
  const first = values.filter((value) => value.toLowerCase().startsWith(wanted));
  const found = [...first, ...values.filter((value) => !first.includes(value) && value.toLowerCase().includes(wanted))];
  return { values: found.slice(0, MOST), total: found.length, hasMore: found.length > MOST };
}
