// Owns what this machine offers as a pool: the cores that this process may use, and the memory.
import { availableParallelism, totalmem } from 'node:os';
import type { PoolInput } from '../domain/resource.ts';

/** Keys cores and memory; a container's limit on the cores counts, its limit on memory is not known to Node. */
export function hostPool(machine: { readonly cores: number; readonly bytes: number } = { cores: availableParallelism(), bytes: totalmem() }): PoolInput {
  const mebibytes = Math.max(1, Math.floor(machine.bytes / 2 ** 20));
  return { type: 'compute', capacity: { cores: machine.cores, memory: `${mebibytes}MiB` }, description: 'This machine, as it was detected.' };
}
