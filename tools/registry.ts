// Owns which tools there are, in the order in which clients list them.
import { closeSessionTool } from './close-session.ts';
import { controlTool } from './control.ts';
import { createSessionTool } from './create-session.ts';
import { createWorkflowTool } from './create-workflow.ts';
import { enqueueJobTool } from './enqueue-job.ts';
import { executeWorkflowTool } from './execute-workflow.ts';
import { getTool } from './get.ts';
import { getSystemStatusTool } from './get-system-status.ts';
import { listTool } from './list.ts';
import type { ToolSpec } from './tool.ts';
import { waitTool } from './wait.ts';

export const toolSpecs: readonly ToolSpec[] = [
  createWorkflowTool,
  executeWorkflowTool,
  enqueueJobTool,
  getTool,
  listTool,
  waitTool,
  controlTool,
  createSessionTool,
  closeSessionTool,
  getSystemStatusTool,
];
