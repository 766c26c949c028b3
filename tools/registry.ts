// Owns which tools there are, in the order in which clients list them, and the sets that are switched on by configuration.
import { allocateResourcesTool } from './allocate-resources.ts';
import { claimJobTool } from './claim-job.ts';
import { closeSessionTool } from './close-session.ts';
import { createComplexWorkflowTool } from './compat/create-complex-workflow.ts';
import { executeTaskTool } from './compat/execute-task.ts';
import { getHealthStatusTool, listProjectsTool, listScheduledTool, listWorkflowsTool, logisticsStatusTool, queueStatsTool } from './compat/readers.ts';
import { controlTool } from './control.ts';
import { createProjectTool } from './create-project.ts';
import { createSessionTool } from './create-session.ts';
import { createWorkflowTool } from './create-workflow.ts';
import { definePoolTool } from './define-pool.ts';
import { enqueueJobTool } from './enqueue-job.ts';
import { executeWorkflowTool } from './execute-workflow.ts';
import { getTool } from './get.ts';
import { getSystemStatusTool } from './get-system-status.ts';
import { listTool } from './list.ts';
import { manageProjectTool } from './manage-project.ts';
import { planWorkflowTool } from './plan-workflow.ts';
import { releaseResourcesTool } from './release-resources.ts';
import { reportJobTool } from './report-job.ts';
import { scheduleCronTool } from './schedule-cron.ts';
import { scheduleRecurringTool } from './schedule-recurring.ts';
import { simulateScheduleTool } from './simulate-schedule.ts';
import type { ToolSpec } from './tool.ts';
import { waitTool } from './wait.ts';

export const toolSpecs: readonly ToolSpec[] = [
  createWorkflowTool,
  executeWorkflowTool,
  enqueueJobTool,
  scheduleCronTool,
  scheduleRecurringTool,
  getTool,
  listTool,
  waitTool,
  controlTool,
  createSessionTool,
  closeSessionTool,
  getSystemStatusTool,
];

/** Sets beside the default one, which is always there. */
const TOOL_SETS = {
  workers: [claimJobTool, reportJobTool],
  planning: [simulateScheduleTool, planWorkflowTool],
  projects: [createProjectTool, manageProjectTool],
  resources: [definePoolTool, allocateResourcesTool, releaseResourcesTool],
  compat: [
    executeTaskTool,
    createComplexWorkflowTool,
    listWorkflowsTool,
    listProjectsTool,
    getHealthStatusTool,
    queueStatsTool,
    listScheduledTool,
    logisticsStatusTool,
  ],
} as const satisfies Readonly<Record<string, readonly ToolSpec[]>>;
/** Published workflows are no fixed tools; they are added by whoever knows the store. */
type ToolSet = 'default' | 'published' | keyof typeof TOOL_SETS;

const made = new Map<string, readonly ToolSpec[]>();

/** The tools of these sets; one list for the same sets, since what is made of it is kept beside it. */
export function toolsOfSets(sets: readonly ToolSet[]): readonly ToolSpec[] {
  const named = (Object.keys(TOOL_SETS) as (keyof typeof TOOL_SETS)[]).filter((name) => sets.includes(name));
  if (named.length === 0) return toolSpecs;
  const key = named.join(' ');
  const known = made.get(key) ?? [...toolSpecs, ...named.flatMap((name): readonly ToolSpec[] => TOOL_SETS[name])];
  made.set(key, known);
  return known;
}

/** The set that a tool belongs to, when it is one that is switched on by configuration. */
export function toolSetOf(name: string): keyof typeof TOOL_SETS | undefined {
  return (Object.keys(TOOL_SETS) as (keyof typeof TOOL_SETS)[]).find((set) => TOOL_SETS[set].some((tool) => tool.name === name));
}

/** Every tool, whatever is switched on: for the command line and the documents. */
export const allToolSpecs: readonly ToolSpec[] = toolsOfSets(Object.keys(TOOL_SETS) as (keyof typeof TOOL_SETS)[]);
