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
  readonly workers?: readonly string[];
  readonly pools?: readonly string[];
  readonly exact?: boolean;
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
  workers: '--workers',
  pools: '--pools',
  exact: '--exact',
  input: '--input',
};

export function asksForForecast(flags: ForecastFlags): boolean {
  const { slots, gantt, duration, items, objective, deadline, whatIfSlots, workers, pools, exact, input, inputFile } = flags;
  return [slots, gantt, duration, items, objective, deadline, whatIfSlots, workers, pools, exact, input, inputFile].some((flag) => flag !== undefined);
}

/** What `--gantt` alone means. */
export function ganttFormat({ gantt }: ForecastFlags): string {
  return typeof gantt === 'string' ? gantt : 'text';
}

/** `required` is what the steps need of a process: workers that are only named are taken to offer it. */
export async function forecastArguments(
  flags: ForecastFlags,
  { schema, required, cwd }: { readonly schema: JsonObject | undefined; readonly required: readonly string[]; readonly cwd: string },
): Promise<Record<string, unknown>> {
  const { slots, duration, items, objective, deadline, whatIfSlots, workers, pools, exact, input, inputFile } = flags;
  return {
    slots: numberOrText(slots),
    durations: duration === undefined ? undefined : pairs(duration),
    items: items === undefined ? undefined : pairs(items),
    workers: workers?.map((text) => ({ ...workerOf(text), capabilities: required })),
    pools: pools === undefined ? undefined : Object.fromEntries(Object.entries(pairs(pools)).map(([name, size]) => [name, decimal(size)])),
    exact,
    objective,
    deadline,
    what_if: whatIfSlots === undefined ? undefined : { slots: numberOrText(whatIfSlots) },
    input: input === undefined && inputFile === undefined ? undefined : await readInput(input, inputFile, schema, cwd),
    format: ganttFormat(flags),
  };
}

/** `ada=2`, or `ada=2@3` with a price per hour; what is no number is left for the tool to refuse. */
function workerOf(text: string): { readonly name: string; readonly speed?: unknown; readonly price?: unknown } {
  const at = text.indexOf('=');
  if (at < 0) return { name: text };
  const [speed, price] = text.slice(at + 1).split('@');
  return { name: text.slice(0, at), speed: decimal(speed), ...(price === undefined ? {} : { price: decimal(price) }) };
}

function decimal(value: unknown): unknown {
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
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
