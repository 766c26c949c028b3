// Owns resources on the wire: the list, the templates, reading, and subscriptions of a connection of the older eras.
import { type ListResourcesResult, ProtocolError, ProtocolErrorCode, type Server } from '@modelcontextprotocol/server';
import { REFERENCE_TOPICS, type ReferenceTopic } from '../../tools/reference/topics.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { EngineDoor } from '../tool-caller.ts';
import { withEngine } from './protocol-fault.ts';
import { readResource } from './resource-read.ts';
import { MAX_FOLLOWED, ResourceUpdates } from './resource-updates.ts';
import { RESOURCE_TEMPLATES, resourceUri } from './resource-uri.ts';
import { readSkill, SKILL_URI } from './skills.ts';

type Resource = ListResourcesResult['resources'][number];

/** Of each kind in the list; all others are found by the templates. */
const LISTED = 20;
const JSON_TYPE = 'application/json';

export const TEMPLATES = [
  ['execution', 'Execution', 'Status, steps and output of one run.'],
  ['output', 'Output of a step', 'The whole output of one step of a run.'],
  ['artifact', 'Artifact', 'A stored file, as it is.'],
  ['workflow', 'Workflow', 'The newest definition of a name.'],
  ['job', 'Job', 'Status, attempts and result of one job.'],
  ['schedule', 'Schedule', 'A schedule with its next fires and the newest entries of its ledger.'],
  ['reference', 'Reference', 'How to write definitions, expressions and schedules.'],
] as const;

export function serveResources(server: Server, door: EngineDoor, maxBytes?: number): void {
  server.setRequestHandler('resources/list', () => withEngine(door, (engine) => ({ resources: listed(engine) })));
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: TEMPLATES.map(([kind, title, description]) => ({
      name: kind,
      title,
      description,
      uriTemplate: RESOURCE_TEMPLATES[kind],
      ...(kind === 'artifact' ? {} : { mimeType: kind === 'reference' ? 'text/markdown' : JSON_TYPE }),
    })),
  }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => {
    const skill = readSkill(uri);
    return skill === undefined ? withEngine(door, (engine) => readResource(engine, uri, maxBytes)) : { contents: [skill] };
  });
  serveSubscriptions(server, door);
}

/** Since 2026 a client listens instead, which the entry of each transport serves. */
function serveSubscriptions(server: Server, door: EngineDoor): void {
  const updates = new ResourceUpdates((uri) => {
    server.sendResourceUpdated({ uri }).catch(() => undefined);
  });
  server.setRequestHandler('resources/subscribe', async ({ params: { uri } }) => {
    await withEngine(door, async (engine) => {
      if (updates.has(uri)) return;
      if (updates.size >= MAX_FOLLOWED) throw tooMany();
      // What cannot be read cannot be followed.
      await readResource(engine, uri);
      if (!updates.has(uri)) updates.follow(uri, engine);
    });
    return {};
  });
  server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    if (updates.has(uri)) updates.unfollow(uri);
    return {};
  });
  const { onclose } = server;
  server.onclose = () => {
    onclose?.();
    updates.close();
  };
}

export function tooMany(): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `A connection follows at most ${MAX_FOLLOWED} resources; unsubscribe from some.`);
}

function listed(engine: OrchestrationEngine): Resource[] {
  const { backend, namespace } = engine;
  const page = { filter: { namespace }, limit: LISTED, cursor: null };
  return [
    {
      uri: resourceUri({ kind: 'status' }),
      name: 'status',
      title: 'System status',
      description: 'What runs, waits, failed and comes next.',
      mimeType: JSON_TYPE,
    },
    ...(Object.keys(REFERENCE_TOPICS) as ReferenceTopic[]).map((topic) => ({
      uri: resourceUri({ kind: 'reference', topic }),
      name: topic,
      title: `Reference: ${topic}`,
      description: REFERENCE_TOPICS[topic],
      mimeType: 'text/markdown',
    })),
    {
      uri: SKILL_URI,
      name: 'durable-workflows',
      title: 'Skill: durable workflows',
      description: 'When and how to run durable work.',
      mimeType: 'text/markdown',
    },
    ...backend.listExecutions(page).items.map(({ id, workflow, status }) => ({
      uri: resourceUri({ kind: 'execution', id }),
      name: id,
      title: `${workflow}: ${status}`,
      mimeType: JSON_TYPE,
    })),
    ...engine.workflows
      .names()
      .slice(0, LISTED)
      .map((name) => ({ uri: resourceUri({ kind: 'workflow', name }), name, title: `Workflow ${name}`, mimeType: JSON_TYPE })),
    ...backend.listSchedules(page).items.map(({ id, name }) => ({
      uri: resourceUri({ kind: 'schedule', id }),
      name: id,
      title: `Schedule ${name}`,
      mimeType: JSON_TYPE,
    })),
    ...backend
      .listJobs(page)
      .items.flatMap(({ id, task, status, executionId }) =>
        executionId === null ? [{ uri: resourceUri({ kind: 'job', id }), name: id, title: `${task}: ${status}`, mimeType: JSON_TYPE }] : [],
      ),
  ];
}
