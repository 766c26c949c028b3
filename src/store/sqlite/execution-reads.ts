// Owns the reads of executions: rows as committed, steps joined with their jobs, outputs parsed, the scope a worker renders in.
import type { Json } from '../../domain/json.ts';
import type { Backend } from '../backend.ts';
import type { ExecutionRecord } from './execution-rows.ts';
import { gateKeys } from './gates.ts';
import type { Host } from './host.ts';
import { outputOf } from './outputs.ts';
import { stepViews } from './step-views.ts';
import { summaryOf } from './views.ts';

type Reads = Pick<
  Backend,
  'getExecution' | 'getSteps' | 'getStep' | 'getOutput' | 'listExecutions' | 'openRunsOfKey' | 'childrenOf' | 'parentOf' | 'stepScope'
>;

export function executionReads(host: Host): Reads {
  const recordOf = (id: string): ExecutionRecord | null => {
    const { tx, rows } = host.parts;
    const sql = tx.sql('SELECT * FROM execution WHERE id = ?').get(id);
    return sql === undefined ? null : rows.read(sql);
  };
  return {
    getExecution: (id) => {
      const record = recordOf(id);
      return record === null ? null : summaryOf(host.parts.plans, record);
    },

    getSteps: (p) => {
      const { tx, plans } = host.parts;
      const record = recordOf(p.executionId);
      return record === null ? [] : stepViews(tx, record, plans.require(record.row.hash), p.after, p.limit);
    },

    getStep: (p) => {
      const { tx, plans } = host.parts;
      const record = recordOf(p.executionId);
      const plan = record === null ? undefined : plans.require(record.row.hash);
      const index = plan?.indexOf.get(p.stepId);
      if (record === null || plan === undefined || index === undefined) return null;
      const found = stepViews(tx, record, plan, index - 1, 1)[0];
      return found?.index === index ? found : null;
    },

    getOutput: (p) => {
      const { plans, executions, outputs } = host.parts;
      const record = recordOf(p.executionId);
      if (record === null) return undefined;
      if (p.stepId === null) return executions.output(record);
      const index = plans.require(record.row.hash).indexOf.get(p.stepId);
      const row = index === undefined ? undefined : executions.readStep(record.num, index);
      return row?.output ? outputs.ofStep(record.num, row.index, row.output) : undefined;
    },

    listExecutions: (p) => host.parts.lists.executions(p),

    openRunsOfKey: (p) => {
      const { tx } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      if (ns === undefined) return [];
      const key = gateKeys.concurrency(ns, p.workflow, p.key);
      const found = tx.sql('SELECT id FROM execution WHERE concurrency_key = ? AND ended_at IS NULL ORDER BY num LIMIT ?').all(key, p.limit);
      return (found as { id: string }[]).map(({ id }) => id);
    },

    childrenOf: (p) => {
      const { tx, rows, plans } = host.parts;
      const num = rows.numOf(p.executionId) ?? -1;
      const found = tx.sql('SELECT * FROM execution WHERE parent = ? ORDER BY parent_step, parent_item, num LIMIT ?').all(num, p.limit);
      return found.map((raw) => summaryOf(plans, rows.read(raw)));
    },

    parentOf: (id) => recordOf(id)?.row.parent ?? null,

    stepScope: (p) => {
      const { plans, outputs, executions, decisionViews } = host.parts;
      const record = recordOf(p.executionId);
      const plan = record === null ? undefined : plans.require(record.row.hash);
      const node = plan?.nodes[p.index];
      if (record === null || plan === undefined || node === undefined) return null;
      const steps: Record<string, Json> = {};
      for (const id of node.renderReads) {
        const index = plan.indexOf.get(id);
        const row = index === undefined ? undefined : executions.readStep(record.num, index);
        steps[id] = { output: outputOf(outputs, record.num, row), status: row?.status ?? 'pending', error: (row?.error ?? null) as Json };
      }
      const { id, workflow, version, retries, error, input, sessionId } = record.row;
      return {
        input,
        steps,
        item: p.item === null ? null : outputs.item(record.num, p.index, p.item),
        index: p.item,
        session: { id: sessionId, context: decisionViews.sessionContext(record.session) },
        execution: { id, workflow, version, attempt: retries + 1, error: (error ?? null) as Json },
      };
    },
  };
}
