// Owns what one check of the doctor says: how it is, and what to do when it is not well.

export type CheckState = 'ok' | 'warn' | 'fail';

export interface Check {
  readonly name: string;
  readonly state: CheckState;
  readonly detail: string;
  /** What to do; set unless all is well. */
  readonly action?: string;
}

/** A check that throws is a failed check; the others still run. */
export async function guarded(name: string, action: string, run: () => Promise<Check | readonly Check[]>): Promise<readonly Check[]> {
  try {
    const result = await run();
    return 'state' in result ? [result] : result;
  } catch (error) {
    const next = (error as { nextActions?: readonly string[] }).nextActions?.[0];
    return [{ name, state: 'fail', detail: (error instanceof Error ? error.message : String(error)).split('\n')[0] as string, action: next ?? action }];
  }
}
