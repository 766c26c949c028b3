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
import { asksForForecast, FORECAST_FLAG_OF, type ForecastFlags, forecastArguments, ganttFormat } from '../plan-flags.ts';
import { forecastLines } from '../render/forecast.ts';
import { planLines } from '../render/plan.ts';
import { folderLines } from '../render/workflow-folder.ts';
import { toolData } from '../tool-data.ts';
import { compareFolder } from '../workflow-folder.ts';

interface PlanFlags extends ForecastFlags {
  readonly mermaid?: boolean;
}

export function addPlan(program: Command, invoke: Invoke): void {
  program
    .command('plan')
    .argument('[file|name|folder]', 'default: workflowsDir of the config')
    .description('show what a run would do, or how a folder differs from the stored versions')
    .option('--mermaid', 'print the graph as a Mermaid flowchart')
    .option('--slots <n>', 'predict how long it takes with so many jobs at once; default: those of the configuration')
    .option('--gantt [format]', 'predict, and draw when each step runs: text, mermaid or json')
    .option('--duration <step=time...>', 'how long steps or task types take, for example build=5m; default: from history')
    .option('--items <step=n...>', 'items of forEach steps')
    .option('--workers <name=speed...>', 'instead of slots: workers of differing speed, with a price per hour as name=speed@price')
    .option('--pools <name=size...>', 'sizes of pools; default: those of the store')
    .option('--objective <name>', 'makespan, throughput, mean_latency, deadline, cost')
    .option('--exact', 'also find the least makespan there is, of at most 16 steps; needs the package highs')
    .option('--deadline <duration>', 'from the start')
    .option('--what-if-slots <n>', 'compare with another number of slots')
    .option('--input <k=v...>', 'input values, which tell the items of forEach steps and the time of sleeps')
    .option('--input-file <file>', 'input as a JSON or YAML object')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp plan release-notes.yaml',
        'logistics-mcp plan release-notes --mermaid',
        'logistics-mcp plan release-notes --slots 4 --duration build=5m --what-if-slots 8',
        'logistics-mcp plan release-notes --workers big=2@3 small=1@1 --pools gpu=2 --objective cost',
        'logistics-mcp plan workflows/',
      ),
    )
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
    return isFolder ? planFolder(engine, target, context) : planOne(engine, text as string, context, flags);
  });
}

async function planFolder(engine: OrchestrationEngine, folder: string, { out }: CommandContext): Promise<number> {
  const comparison = await compareFolder(engine, folder);
  out.data({ folder, ...comparison });
  out.print(folderLines(folder, comparison, out.colors));
  return comparison.files.some((file) => file.state === 'invalid') ? EXIT.badInput : EXIT.ok;
}

async function planOne(engine: OrchestrationEngine, text: string, { io, out }: CommandContext, flags: PlanFlags): Promise<number> {
  const { cwd } = io.context;
  const { definition, hash, source } = await definitionOf(engine, text, cwd);
  const compiled = await compile(engine, { definition, hash });
  const graph = toMermaid(compiled, () => undefined);
  const facts = planFacts(compiled);
  const mermaid = flags.mermaid === true;
  const forecast = asksForForecast(flags)
    ? await toolData(
        engine,
        'plan_workflow',
        {
          ...source,
          ...(await forecastArguments(flags, { schema: definition.input, required: [...new Set(compiled.nodes.flatMap((node) => node.requires))], cwd })),
        },
        { flags: FORECAST_FLAG_OF },
      )
    : undefined;
  if (out.json) out.data({ ...facts, ...(mermaid ? { mermaid: graph.text } : {}), ...(forecast === undefined ? {} : { forecast }) });
  else if (mermaid) out.raw(`${graph.text}\n`);
  else if (forecast !== undefined && ganttFormat(flags) === 'mermaid') out.raw(`${String(forecast.gantt)}\n`);
  else if (forecast !== undefined && ganttFormat(flags) === 'json') out.raw(`${JSON.stringify(forecast.gantt, null, 2)}\n`);
  else out.print([...planLines(facts, out.colors, out.width), ...(forecast === undefined ? [] : ['', ...forecastLines(forecast, out.colors, out.width)])]);
  if (mermaid && graph.truncated) out.note(`Only the first 200 of ${facts.steps} steps are drawn.`);
  return EXIT.ok;
}

async function definitionOf(
  engine: OrchestrationEngine,
  text: string,
  cwd: string,
): Promise<{
  readonly definition: WorkflowDefinition;
  readonly hash: string;
  readonly source: { readonly name: string } | { readonly definition: unknown };
}> {
  const ref = await resolveDefinition(text, cwd);
  if (ref.kind === 'name') {
    const { definition, hash } = requireStored(engine, ref.name);
    return { definition, hash, source: { name: ref.name } };
  }
  if (ref.faults.length > 0) throw fileFaults(ref.file, ref.faults);
  const { definition, hash, faults } = engine.workflows.check(ref.value);
  if (definition === null || hash === null) throw fileFaults(ref.file, faults);
  return { definition, hash, source: { definition: ref.value } };
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
