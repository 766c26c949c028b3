// Owns how large an expression, a template and their evaluation may become.

/** All bounds of the language; sizes in UTF-16 units of JSON text, steps in units of about ten nanoseconds. */
export interface ExpressionLimits {
  /** Characters of one expression. */
  readonly expressionLength: number;
  readonly astNodes: number;
  readonly depth: number;
  /** Expressions in one template. */
  readonly expressions: number;
  /** Nesting of objects and lists in one template. */
  readonly templateDepth: number;
  /** Rendered output, and every text made on the way. */
  readonly outputSize: number;
  /** Elements of a list made on the way. */
  readonly listLength: number;
  /** Elements of range(). */
  readonly rangeLength: number;
  /** Comprehension levels in mode `condition`, in mode `render`, and run outside the thread. */
  readonly conditionLoops: number;
  readonly renderLoops: number;
  readonly inlineLoops: number;
  /** Evaluation steps of one template in mode `condition` (about 100 ms at most), and of render() outside the thread. */
  readonly conditionSteps: number;
  /** The same in mode `schedule` (about 4 ms at most). */
  readonly scheduleSteps: number;
  readonly renderSteps: number;
  /** Heap of the render thread, in MiB. */
  readonly threadHeapMb: number;
  /** Parsed expressions kept. */
  readonly cachedSources: number;
}

export const DEFAULT_LIMITS: ExpressionLimits = {
  expressionLength: 4_096,
  astNodes: 1_000,
  depth: 40,
  expressions: 1_000,
  templateDepth: 200,
  outputSize: 16 * 1024 * 1024,
  listLength: 1_000_000,
  rangeLength: 100_000,
  conditionLoops: 1,
  renderLoops: 3,
  inlineLoops: 1,
  conditionSteps: 5_000_000,
  scheduleSteps: 200_000,
  renderSteps: 20_000_000,
  threadHeapMb: 512,
  cachedSources: 5_000,
};
