// Owns fields that name one of a few things: what is known acts, what is designed but not built is refused by name.
import { z } from 'zod';
import { nearMatches } from '../domain/near-match.ts';

/** What a custom issue tells the fault mapping. */
export interface IssueParams {
  readonly faultCode?: 'invalid_input' | 'not_available';
  readonly expected?: string;
  readonly nearMatches?: readonly string[];
}

/** One of `known`. `refusal` gives the reason why a named value is not available, or undefined when it is simply unknown. */
export function choice<const T extends readonly string[]>(known: T, refusal: (value: string) => string | undefined = () => undefined): z.ZodType<T[number]> {
  return z.string().superRefine((value, context) => {
    const reason = refusal(value);
    // The value is not repeated: a store address may hold a password.
    if (reason !== undefined) context.addIssue({ code: 'custom', message: reason, params: { faultCode: 'not_available' } satisfies IssueParams });
    else if (!known.includes(value)) {
      const params: IssueParams = { expected: `one of ${known.join(', ')}`, nearMatches: nearMatches(value, known) };
      context.addIssue({ code: 'custom', message: 'is not one of the known values', params: { ...params } });
    }
  }) as unknown as z.ZodType<T[number]>;
}
