// Owns `plan`: what a run would do in which order; for a folder of definitions, how it differs from what is stored.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { compilePlan, type Plan } from '../../domain/plan.ts';
import type { WorkflowDefinition } from '../../domain/workflow-definition.ts';
import { toMermaid } from '../../orchestration/execution-graph.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { fileFaults, requireStored, resolveDefinition } from '../definition-ref.ts';
import { withCheckingEngine } from '../open.ts';
import { planFacts } from '../plan-facts.ts';
import { planLines } from '../render/plan.ts';
import { folderLines } from '../render/workflow-folder.ts';
import { compareFolder } from '../workflow-folder.ts';

interface PlanFlags {
  readonly mermaid?: boolean;
}

export function addPlan(program: Command, invoke: Invoke): void {
  program
    .command('plan')
    .argument('[file|name|folder]', 'default: workflowsDir of the config')
    .description('show what a run would do, or how a folder differs from the stored versions')
    .option('--mermaid', 'print the graph as a Mermaid flowchart')
    .addHelpText('after', examples('logistics-mcp plan release-notes.yaml', 'logistics-mcp plan release-notes --mermaid', 'logistics-mcp plan workflows/'))
    .action((ref: string | undefined, flags: PlanFlags, command: Command) => invoke(command, (context) => plan(context, ref, flags)));
}

function plan(context: CommandContext, text: string | undefined, flags: PlanFlags): Promise<number> {
  return withCheckingEngine(context, async ({ engine, loaded }) => {
    const { cwd } = context.io.context;
    const target = text === undefined ? loaded.config.workflowsDir : resolve(cwd, text);
    if (target === null) {
      throw new LogisticsError('invalid_input', 'Neither a file, a name nor a folder is given, and the config has no workflowsDir.', {
        path: 'file|name|folder',
        nextActions: ['Run: logistics-mcp plan <file>', 'Or set workflowsDir in logistics.config.yaml.'],
      });
    }
    const isFolder = await stat(target).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (text === undefined && !isFolder)
      throw new LogisticsError('not_found', `The folder workflowsDir ${target} does not exist.`, {
        path: 'workflowsDir',
        nextActions: ['Make it, or correct workflowsDir.'],
      });
    return isFolder ? planFolder(engine, target, context) : planOne(engine, text as string, context, flags.mermaid === true);
  });
}

async function planFolder(engine: OrchestrationEngine, folder: string, { out }: CommandContext): Promise<number> {
  const comparison = await compareFolder(engine, folder);
  out.data({ folder, ...comparison });
  out.print(folderLines(folder, comparison, out.colors));
  return comparison.files.some((file) => file.state === 'invalid') ? EXIT.badInput : EXIT.ok;
}

async function planOne(engine: OrchestrationEngine, text: string, { io, out }: CommandContext, mermaid: boolean): Promise<number> {
  const compiled = await compile(engine, await definitionOf(engine, text, io.context.cwd));
  const graph = toMermaid(compiled, () => undefined);
  const facts = planFacts(compiled);
  if (out.json) out.data({ ...facts, ...(mermaid ? { mermaid: graph.text } : {}) });
  else if (mermaid) out.raw(`${graph.text}\n`);
  else out.print(planLines(facts, out.colors, out.width));
  if (mermaid && graph.truncated) out.note(`Only the first 200 of ${facts.steps} steps are drawn.`);
  return EXIT.ok;
}

async function definitionOf(
  engine: OrchestrationEngine,
  text: string,
  cwd: string,
): Promise<{ readonly definition: WorkflowDefinition; readonly hash: string }> {
  const ref = await resolveDefinition(text, cwd);
  if (ref.kind === 'name') return requireStored(engine, ref.name);
  if (ref.faults.length > 0) throw fileFaults(ref.file, ref.faults);
  const { definition, hash, faults } = engine.workflows.check(ref.value);
  if (definition === null || hash === null) throw fileFaults(ref.file, faults);
  return { definition, hash };
}

async function compile(engine: OrchestrationEngine, { definition, hash }: { readonly definition: WorkflowDefinition; readonly hash: string }): Promise<Plan> {
  const { createEvaluator } = await import('../../expression/cel-evaluator.ts');
  const evaluator = createEvaluator();
  try {
    return compilePlan(definition, hash, evaluator, { capabilityOf: (task, input) => engine.registry.capabilityOf(task, input) });
  } finally {
    await evaluator.close();
  }
}
