// Owns the verbs of kept step results.
import { LogisticsError } from '../../domain/errors.ts';
import type { StepCacheVerbs } from '../port/step-cache.ts';
import type { Host } from './host.ts';
import { lookUp, remember } from './receipts.ts';

export function stepCacheVerbs(host: Host): StepCacheVerbs {
  return {
    clearStepCache: async (p) => {
      const result = await host.write(({ tx, stepCaches }) => {
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return receipt.error;
        if (receipt.kind === 'replay') return { ...(receipt.reply as { count: number }), replayed: true };
        const ns = tx.findNamespace(p.namespace);
        const count = ns === undefined ? 0 : stepCaches.clear(ns, p.workflow, p.limit);
        if (receipt.kind === 'new') remember(tx, p.receipt, { count });
        return { count, replayed: false };
      });
      if ('code' in result) throw new LogisticsError(result.code, result.message, result);
      return result;
    },
  };
}
