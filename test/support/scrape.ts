// Owns a strict reader of the Prometheus text format: whatever a line is not allowed to be, throws.

export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ScrapedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: ScrapedSample[];
}

export interface Scrape {
  readonly text: string;
  readonly families: ReadonlyMap<string, ScrapedFamily>;
  /** The one sample with exactly these labels. */
  value(name: string, labels: Readonly<Record<string, string>>): number | undefined;
}

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\+Inf|-Inf|Nan|NaN|-?\d[^ ]*)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g;

export function parseMetrics(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, ScrapedFamily>();
  let help: { readonly name: string; readonly text: string } | null = null;
  let current: readonly [string, ScrapedFamily] | null = null;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, helped, words] = HELP.exec(line) ?? [];
    const [, typed, type] = TYPE.exec(line) ?? [];
    if (helped !== undefined) help = { name: helped, text: words as string };
    else if (typed !== undefined) {
      if (help?.name !== typed) throw new Error(`${typed} has no HELP before its TYPE`);
      if (families.has(typed)) throw new Error(`${typed} comes twice`);
      current = [typed, { type: type as string, help: help.text, samples: [] }];
      families.set(...current);
    } else {
      const sample = sampleOf(line);
      if (current === null || !belongs(sample.name, ...current)) throw new Error(`${line}: a sample outside its family`);
      current[1].samples.push(sample);
    }
  }
  for (const [name, family] of families) check(name, family);
  const same = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
    Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, item]) => b[key] === item);
  return {
    text,
    families,
    value: (name, labels) => {
      const found = [...families.values()].flatMap(({ samples }) => samples.filter((sample) => sample.name === name && same(sample.labels, labels)));
      if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} comes ${found.length} times`);
      return found[0]?.value;
    },
  };
}

function sampleOf(line: string): ScrapedSample {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : value === '-Inf' ? Number.NEGATIVE_INFINITY : Number(value);
  if (Number.isNaN(number) && !/^nan$/i.test(value as string)) throw new Error(`no number: ${line}`);
  return { name, labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, text]) => [key, text])) as Record<string, string>, value: number };
}

function belongs(sample: string, name: string, { type }: ScrapedFamily): boolean {
  return type === 'histogram' || type === 'summary' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample) : sample === name;
}

/** No series twice; buckets grow, end with +Inf, and that is the count. */
function check(name: string, { type, samples }: ScrapedFamily): void {
  const keys = samples.map((sample) => `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`);
  if (new Set(keys).size !== keys.length) throw new Error(`${name}: a series comes twice`);
  if (type !== 'histogram') return;
  const series = new Map<string, { last: number; le: number; inf: number | null }>();
  for (const { name: sample, labels, value } of samples) {
    const { le, ...rest } = labels;
    const key = JSON.stringify(Object.entries(rest).sort());
    const so = series.get(key) ?? { last: 0, le: Number.NEGATIVE_INFINITY, inf: null };
    series.set(key, so);
    if (sample === `${name}_bucket`) {
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
      if (!(bound > so.le) || value < so.last) throw new Error(`${name} ${key}: buckets that do not grow`);
      series.set(key, { last: value, le: bound, inf: le === '+Inf' ? value : so.inf });
    } else if (sample === `${name}_count` && so.inf !== value) throw new Error(`${name} ${key}: the count is not that of +Inf`);
  }
}
