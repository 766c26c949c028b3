// Owns the content of a resource: the whole of a thing where tools show pieces, up to a bound; as JSON, Markdown, or the artifact's own type.
import { type ReadResourceResult, ResourceNotFoundError } from '@modelcontextprotocol/server';
import { getSystemStatusTool } from '../../tools/get-system-status.ts';
import { isReferenceTopic, referenceText } from '../../tools/reference/topics.ts';
import { executionView } from '../../tools/views/execution-views.ts';
import { jobView } from '../../tools/views/job-views.ts';
import { scheduleView } from '../../tools/views/schedule-views.ts';
import type { View, ViewRequest } from '../../tools/views/view.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { type KnownKind, knownNames, knownSteps } from './known-names.ts';
import { parseResourceUri, RESOURCE_TEMPLATES, type ResourceRef } from './resource-uri.ts';

type Content = ReadResourceResult['contents'][number];

export const MAX_RESOURCE_BYTES = 1_048_576;
const JSON_TYPE = 'application/json';
const TEXT_TYPE = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript|x-ndjson)\b|[^;]+\+(?:json|xml|yaml)\b)/;

/** Throws ResourceNotFoundError with the nearest known name, and limit_exceeded for what is too large to be read at once. */
export async function readResource(engine: OrchestrationEngine, uri: string, maxBytes: number = MAX_RESOURCE_BYTES): Promise<ReadResourceResult> {
  const ref = parseResourceUri(uri);
  if (ref === null)
    throw new ResourceNotFoundError(
      uri,
      `There is no resource ${uri.slice(0, 200)}. Resources: ${Object.values(RESOURCE_TEMPLATES).join(', ')}, logistics://status.`,
    );
  const content = await contentOf(engine, uri, ref);
  const text = 'text' in content ? content.text : content.blob;
  checkSize(Buffer.byteLength(text), 'get', maxBytes);
  return { contents: [content] };
}

async function contentOf(engine: OrchestrationEngine, uri: string, ref: ResourceRef): Promise<Content> {
  const { backend } = engine;
  switch (ref.kind) {
    case 'execution':
      if (backend.getExecution(ref.id) === null) throw unknown(engine, uri, 'execution', ref.id);
      return asJson(uri, executionView(viewOf(engine, ref.id, 'summary')), 'get view=steps');
    case 'output':
      return outputOf(engine, uri, ref);
    case 'job':
      if (backend.getJob(ref.id) === null) throw unknown(engine, uri, 'job', ref.id);
      return asJson(uri, jobView(viewOf(engine, ref.id, 'summary')), 'get view=output');
    case 'schedule':
      if (engine.schedules.get(ref.id) === null) throw unknown(engine, uri, 'schedule', ref.id);
      return asJson(
        uri,
        { ...scheduleView(viewOf(engine, ref.id, 'summary')), ledger: scheduleView(viewOf(engine, ref.id, 'events')).events as Json },
        'get view=events',
      );
    case 'artifact':
      return artifactOf(engine, uri, ref.id);
    case 'workflow': {
      const stored = backend.findDefinition({ namespace: engine.namespace, name: ref.name });
      if (stored === null) throw unknown(engine, uri, 'workflow', ref.name);
      const { id, version, hash, definition } = stored;
      return asJson(uri, { workflow_id: id, version, hash, definition: definition as unknown as Json }, `get id=${id} view=output`);
    }
    case 'status':
      return asJson(uri, await getSystemStatusTool.handle({ engine, caller: { principal: '', actor: 'agent', sessionId: null } }, {}), 'get_system_status');
    case 'reference':
      if (!isReferenceTopic(ref.topic)) throw unknown(engine, uri, 'topic', ref.topic);
      return { uri, mimeType: 'text/markdown', text: await referenceText(ref.topic, engine) };
  }
}

function viewOf(engine: OrchestrationEngine, id: string, view: View): ViewRequest {
  return { engine, id, view, step: undefined, cursor: undefined, limit: undefined, detailed: true };
}

function outputOf(engine: OrchestrationEngine, uri: string, { id, step }: { readonly id: string; readonly step: string }): Content {
  if (engine.backend.getExecution(id) === null) throw unknown(engine, uri, 'execution', id);
  if (engine.backend.getStep({ executionId: id, stepId: step }) === null)
    throw new ResourceNotFoundError(uri, `The execution ${id} has no step ${step}.${meant(step, knownSteps(engine, id))}`);
  return asJson(uri, engine.backend.getOutput({ executionId: id, stepId: step }) ?? null, `get id=${id} view=output step=${step}`);
}

function artifactOf(engine: OrchestrationEngine, uri: string, id: string): Content {
  const found = engine.backend.getArtifact({ id, offset: 0, limit: 0 });
  if (found === null) throw unknown(engine, uri, 'artifact', id);
  const { mediaType, bytes } = found.info;
  checkSize(bytes, `get id=${id}`);
  const content = engine.backend.getArtifact({ id, offset: 0, limit: bytes })?.content ?? new Uint8Array();
  const text = TEXT_TYPE.test(mediaType) ? decoded(content) : undefined;
  return text === undefined ? { uri, mimeType: mediaType, blob: Buffer.from(content).toString('base64') } : { uri, mimeType: mediaType, text };
}

function asJson(uri: string, value: Json, pieces: string): Content {
  const text = JSON.stringify(value);
  checkSize(Buffer.byteLength(text), pieces);
  return { uri, mimeType: JSON_TYPE, text };
}

function checkSize(bytes: number, pieces: string, maxBytes = MAX_RESOURCE_BYTES): void {
  if (bytes <= maxBytes) return;
  throw new LogisticsError('limit_exceeded', `It has ${bytes} bytes; a resource is read whole, up to ${maxBytes}.`, {
    nextActions: [`Read it in pieces with the tool: ${pieces}`],
  });
}

function unknown(engine: OrchestrationEngine, uri: string, kind: KnownKind, name: string): ResourceNotFoundError {
  const what = kind === 'topic' ? 'reference topic' : kind;
  return new ResourceNotFoundError(uri, `There is no ${what} ${name.slice(0, 100)}.${meant(name, knownNames(engine, kind))}`);
}

function meant(name: string, known: readonly string[]): string {
  const near = nearMatches(name.slice(0, 100), known);
  return near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
}

/** Undefined for bytes that are no text. */
function decoded(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}
