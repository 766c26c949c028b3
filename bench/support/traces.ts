// Owns workflows whose structure and mean run times were published: the 1-degree Montage, CyberShake and Epigenomics of the Pegasus
// workflow generator (github.com/pegasus-isi/WorkflowGenerator, S. Bharathi et al., "Characterization of scientific workflows", WORKS 2008).

export interface TracedStep {
  readonly id: string;
  /** Names the task type: steps of one type take about as long. */
  readonly type: string;
  readonly seconds: number;
  readonly needs: readonly string[];
}

export interface Trace {
  readonly name: string;
  readonly steps: readonly TracedStep[];
}

/** Images are projected, differences of overlapping ones fitted, a background model made of all, and everything added up. */
export function montage(images: number): Trace {
  const all = Array.from({ length: images }, (_, i) => i);
  const overlaps = all.flatMap((i) => [1, 2, 3, 4].map((by): [number, number] => [i, i + by])).filter(([, j]) => j < images);
  const diffs = overlaps.map(([i, j]) => step(`diff_${i}_${j}`, 'mDiffFit', 10.59, [`project_${i}`, `project_${j}`]));
  const degree = Math.sqrt(images / 50);
  return {
    name: 'montage',
    steps: [
      ...all.map((i) => step(`project_${i}`, 'mProjectPP', 13.59, [])),
      ...diffs,
      step('concat', 'mConcatFit', 0.08 * diffs.length, idsOf(diffs)),
      step('model', 'mBgModel', 0.13 * diffs.length, ['concat']),
      ...all.map((i) => step(`background_${i}`, 'mBackground', 10.74, ['model', `project_${i}`])),
      step(
        'table',
        'mImgTbl',
        0.37 * images,
        all.map((i) => `background_${i}`),
      ),
      step('add', 'mAdd', 30.11 * degree * degree, ['table']),
      step('shrink', 'mShrink', 12.21 * degree, ['add']),
      step('jpeg', 'mJPEG', 3.2 * degree, ['shrink']),
    ],
  };
}

/** A few long extractions, each followed by many seismograms and their peaks; two archives gather all. */
export function cyberShake(extracts: number, seismograms: number): Trace {
  const steps: TracedStep[] = [];
  for (let e = 0; e < extracts; e++) {
    for (let s = 0; s < seismograms; s++) {
      steps.push(
        step(`seismogram_${e}_${s}`, 'SeismogramSynthesis', 43.4, [`extract_${e}`]),
        step(`peak_${e}_${s}`, 'PeakValCalcOkaya', 1.09, [`seismogram_${e}_${s}`]),
      );
    }
    steps.push(step(`extract_${e}`, 'ExtractSGT', 137.45, []));
  }
  const count = extracts * seismograms;
  const of = (kind: string): string[] => idsOf(steps).filter((id) => id.startsWith(kind));
  return {
    name: 'cybershake',
    steps: [...steps, step('zip_seismograms', 'ZipSeis', 0.018 * count, of('seismogram')), step('zip_peaks', 'ZipPSA', 0.013 * count, of('peak'))],
  };
}

/** Lanes of reads are split, filtered, converted, mapped and merged; lanes differ in their number of splits. Times follow from the mean sizes and rates. */
export function epigenomics(splits: readonly number[]): Trace {
  const steps: TracedStep[] = [];
  for (const [lane, count] of splits.entries()) {
    const mb = 351 / count;
    const clean = mb / 2;
    const fastq = clean / 1.32;
    const bfq = fastq / 4.24;
    const chain = [
      ['filter', 'filterContams', mb / 8.47],
      ['sanger', 'sol2sanger', clean / 15.07],
      ['bfq', 'fastq2bfq', fastq / 6.8],
      ['map', 'map', bfq / 0.3696],
    ] as const;
    steps.push(step(`split_${lane}`, 'fastqSplit', 351 / 7.66, []));
    for (let i = 0; i < count; i++) {
      let before = `split_${lane}`;
      for (const [name, type, seconds] of chain) {
        // Splits of different size are task types of their own.
        steps.push(step(`${name}_${lane}_${i}`, `${type}_${count}`, seconds, [before]));
        before = `${name}_${lane}_${i}`;
      }
    }
    steps.push(
      step(
        `merge_${lane}`,
        'mapMerge',
        (count * bfq) / 0.92 / 2.267,
        Array.from({ length: count }, (_, i) => `map_${lane}_${i}`),
      ),
    );
  }
  const merged = splits.map((_, lane) => `merge_${lane}`);
  return {
    name: 'epigenomics',
    steps: [
      ...steps,
      step('merge_all', 'mapMergeAll', 15 * splits.length, merged),
      step('index', 'maqIndex', 8, ['merge_all']),
      step('pileup', 'pileup', 56, ['index']),
    ],
  };
}

/** Layers of steps of eight sizes between 1 and 128, the short ones first in each layer; each needs two or three of the layer before. */
export function randomLayers(layers: number, width: number, random: () => number): Trace {
  const steps: TracedStep[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const sizes = Array.from({ length: width }, () => Math.floor(random() ** 2 * 8)).sort((a, b) => a - b);
    for (const [i, size] of sizes.entries()) {
      const needs = layer === 0 ? [] : [...new Set([0, 1, 2].map(() => Math.floor(random() * width)))].map((need) => `s${layer - 1}_${need}`);
      steps.push(step(`s${layer}_${i}`, `size${size}`, 2 ** size, needs));
    }
  }
  return { name: 'random layers', steps };
}

function step(id: string, type: string, seconds: number, needs: readonly string[]): TracedStep {
  return { id, type, seconds, needs };
}

function idsOf(steps: readonly TracedStep[]): string[] {
  return steps.map(({ id }) => id);
}
