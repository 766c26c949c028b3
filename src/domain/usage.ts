// Owns what a worker reports that its work used: totals of one attempt, so that a report that comes twice counts once.
import { z } from 'zod';
import { MAX_BUDGET_COST, MAX_BUDGET_TOKENS } from './budget.ts';

const Count = z.int().min(0).max(MAX_BUDGET_TOKENS);

/** In all since the attempt began; `tokens` are the sum of both kinds unless they are given. */
export const Usage = z
  .strictObject({
    tokens: Count.optional(),
    input_tokens: Count.optional(),
    output_tokens: Count.optional(),
    cost: z.number().min(0).max(MAX_BUDGET_COST).optional(),
  })
  .transform(({ tokens, input_tokens: input = 0, output_tokens: output = 0, cost = 0 }): UsageTotals => {
    return { tokens: tokens ?? input + output, inputTokens: input, outputTokens: output, cost };
  });

/** As it is written. */
export type UsageReport = z.input<typeof Usage>;

export const UsageTotals = z.object({ tokens: z.number(), inputTokens: z.number(), outputTokens: z.number(), cost: z.number() });
export type UsageTotals = z.infer<typeof UsageTotals>;

export const NO_USAGE: UsageTotals = { tokens: 0, inputTokens: 0, outputTokens: 0, cost: 0 };

/** What is kept of a job: all its attempts, and of these the one that holds this token. */
export interface JobUsage {
  readonly sum: UsageTotals;
  readonly token: number;
  readonly attempt: UsageTotals;
}

/** The totals of a report joined to what is known, and what of it is new; a smaller total than before says nothing. */
export function withReport(known: JobUsage | null, token: number, report: UsageTotals): { readonly kept: JobUsage; readonly added: UsageTotals } {
  const before = known !== null && known.token === token ? known.attempt : NO_USAGE;
  const attempt = combine(before, report, Math.max);
  const added = combine(attempt, before, (a, b) => a - b);
  return { kept: { sum: combine(known?.sum ?? NO_USAGE, added, (a, b) => a + b), token, attempt }, added };
}

export function addUsage(a: UsageTotals, b: UsageTotals): UsageTotals {
  return combine(a, b, (x, y) => x + y);
}

function combine(a: UsageTotals, b: UsageTotals, join: (a: number, b: number) => number): UsageTotals {
  return {
    tokens: join(a.tokens, b.tokens),
    inputTokens: join(a.inputTokens, b.inputTokens),
    outputTokens: join(a.outputTokens, b.outputTokens),
    cost: join(a.cost, b.cost),
  };
}
