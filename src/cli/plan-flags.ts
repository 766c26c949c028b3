// Owns how the flags of `plan` become the arguments of plan_workflow, and when they ask for a forecast at all.
import type { JsonObject } from '../domain/json.ts';
import { numberOrText } from './flag-values.ts';
import { readInput } from './input-flags.ts';

export interface ForecastFlags {
  readonly slots?: string;
  readonly gantt?: string | boolean;
  readonly duration?: readonly string[];
  readonly items?: readonly string[];
  readonly objective?: string;
  readonly deadline?: string;
  readonly whatIfSlots?: string;
  readonly input?: readonly string[];
  readonly inputFile?: string;
}

/** Parameter of the tool -> the flag. */
export const FORECAST_FLAG_OF = {
  slots: '--slots',
  format: '--gantt',
  durations: '--duration',
  items: '--items',
  objective: '--objective',
  deadline: '--deadline',
  'what_if.slots': '--what-if-slots',
  input: '--input',
};

export function asksForForecast({ slots, gantt, duration, items, objective, deadline, whatIfSlots, input, inputFile }: ForecastFlags): boolean {
  return [slots, gantt, duration, items, objective, deadline, whatIfSlots, input, inputFile].some((flag) => flag !== undefined);
}

/** What `--gantt` alone means. */
export function ganttFormat({ gantt }: ForecastFlags): string {
  return typeof gantt === 'string' ? gantt : 'text';
}

export async function forecastArguments(flags: ForecastFlags, schema: JsonObject | undefined, cwd: string): Promise<Record<string, unknown>> {
  const { slots, duration, items, objective, deadline, whatIfSlots, input, inputFile } = flags;
  return {
    slots: numberOrText(slots),
    durations: duration === undefined ? undefined : pairs(duration),
    items: items === undefined ? undefined : pairs(items),
    objective,
    deadline,
    what_if: whatIfSlots === undefined ? undefined : { slots: numberOrText(whatIfSlots) },
    input: input === undefined && inputFile === undefined ? undefined : await readInput(input, inputFile, schema, cwd),
    format: ganttFormat(flags),
  };
}

/** `build=5m`; a pair without a value is left for the tool to refuse. */
function pairs(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), numberOrText(pair.slice(at + 1))];
    }),
  );
}
