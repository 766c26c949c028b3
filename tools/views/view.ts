// Owns what a view of an object is given, and that a view an object does not have is refused with those it has.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';

export const VIEWS = ['summary', 'steps', 'events', 'output', 'logs', 'graph', 'timeline', 'explain', 'lineage'] as const;
export type View = (typeof VIEWS)[number];

export interface ViewRequest {
  readonly engine: OrchestrationEngine;
  readonly id: string;
  readonly view: View;
  readonly step: string | undefined;
  readonly cursor: string | undefined;
  readonly limit: number | undefined;
  readonly detailed: boolean;
}

export type Views = Partial<Readonly<Record<View, (request: ViewRequest) => JsonObject>>>;

export function showView(what: string, views: Views, request: ViewRequest): JsonObject {
  const show = views[request.view];
  if (show !== undefined) return show(request);
  throw new LogisticsError('invalid_input', `${what} has no view ${request.view}.`, { path: 'view', expected: `one of ${Object.keys(views).join(', ')}` });
}

export function missing(what: string, id: string, kind: string): LogisticsError {
  return new LogisticsError('not_found', `There is no ${what} ${id}.`, {
    path: 'id',
    nextActions: [`Use list with kind ${kind} to see what exists; finished work is removed when its retention is over.`],
  });
}
