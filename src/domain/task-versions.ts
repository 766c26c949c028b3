// Owns what happens to a run whose task type has changed since it began: it goes on, fails, or waits for the version it began with.
import { z } from 'zod';
import { LogisticsError } from './errors.ts';

/** `continue`: the version that the process has. `fail`: the step fails. `pin`: only the version that the run began with. */
export const VERSION_POLICIES = ['continue', 'fail', 'pin'] as const;
export type VersionPolicy = (typeof VERSION_POLICIES)[number];

const TaskVersion = z.object({ version: z.int().min(1), policy: z.enum(VERSION_POLICIES) });
export type TaskVersion = z.infer<typeof TaskVersion>;

/** By task type, of those that users define; the process that starts a run says which there are. */
export const TaskVersions = z.record(z.string(), TaskVersion);
export type TaskVersions = z.infer<typeof TaskVersions>;

/** What a process must offer to run a user's task type, in any version or in one. */
export function handlerCapability(task: string, version?: number): string {
  return version === undefined ? `handler:${task}` : `handler:${task}@${version}`;
}

/** What the job of a step requires: of a pinned type the version that its run began with. */
export function requiresOf(requires: readonly string[], task: string, versions: TaskVersions | null): readonly string[] {
  const began = versions?.[task];
  if (began?.policy !== 'pin') return requires;
  return requires.map((capability) => (capability === handlerCapability(task) ? handlerCapability(task, began.version) : capability));
}

/** The error of a step whose run began with another version and does not go on with this one; null where it may. */
export function versionFault(task: string, began: TaskVersion, has: number): LogisticsError | null {
  if (began.policy === 'continue' || began.version === has) return null;
  return new LogisticsError('version_changed', `The run began with version ${began.version} of ${task}, and this process has version ${has}.`, {
    nextActions: ['Use restart for a new run with the new version, or fork to keep what is done.'],
    details: { task, began_with: began.version, has },
  });
}

/** One sentence for each type whose newest version is another one than the run began with. */
export function changedVersions(versions: TaskVersions | null, newestOf: (task: string) => number | undefined): string[] {
  const effects: Readonly<Record<VersionPolicy, (task: string, began: number) => string>> = {
    continue: () => 'its steps go on with the newer one (continue)',
    fail: () => 'its steps that still have to run fail with version_changed (fail)',
    pin: (task, began) => `its steps run only where ${handlerCapability(task, began)} is offered (pin)`,
  };
  return Object.entries(versions ?? {}).flatMap(([task, { version, policy }]) => {
    const newest = newestOf(task);
    if (newest === undefined || newest === version) return [];
    return [`It began with version ${version} of ${task}, the newest here is ${newest}: ${effects[policy](task, version)}.`];
  });
}
