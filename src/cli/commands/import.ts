// Owns `import`: codomyrmex files (and our own) become stored workflows; each file is judged for itself, nothing is lost in silence.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { readDefinition } from '../definition-ref.ts';
import { withCheckingEngine, withEngine } from '../open.ts';
import { type ImportedFile, importLines } from '../render/import.ts';

interface ImportFlags {
  readonly dryRun?: boolean;
}

export function addImport(program: Command, invoke: Invoke): void {
  program
    .command('import')
    .argument('<files...>', 'codomyrmex workflow files, or definitions in YAML or JSON')
    .description('store workflows from codomyrmex files')
    .option('--dry-run', 'read and check only')
    .addHelpText('after', examples('logistics-mcp import workflows/*.json --dry-run', 'logistics-mcp import quality.json'))
    .addHelpText('after', '\nExit codes: 0 all stored, 2 some could not be.')
    .action((files: string[], flags: ImportFlags, command: Command) => invoke(command, (context) => importAll(context, files, flags.dryRun === true)));
}

function importAll(context: CommandContext, files: readonly string[], dryRun: boolean): Promise<number> {
  const use = async ({ engine }: { readonly engine: OrchestrationEngine }): Promise<number> => {
    const results: ImportedFile[] = [];
    for (const file of files) results.push(await importOne(engine, file, context.io.context.cwd, dryRun));
    const invalid = results.filter((result) => result.state === 'invalid').length;
    context.out.data({ dry_run: dryRun, imported: results.length - invalid, invalid, files: results });
    context.out.print(importLines(results, dryRun, context.out.colors));
    return invalid === 0 ? EXIT.ok : EXIT.badInput;
  };
  return dryRun ? withCheckingEngine(context, use) : withEngine(context, 'client', use);
}

async function importOne(engine: OrchestrationEngine, file: string, cwd: string, dryRun: boolean): Promise<ImportedFile> {
  const nothing = { file, name: null, workflow_id: null, version: null, steps: null, warnings: [] };
  try {
    const read = await readDefinition(file, cwd);
    if (read.faults.length > 0) return { ...nothing, state: 'invalid', faults: read.faults };
    const { definition, faults, warnings } = engine.workflows.check(read.value);
    if (definition === null) return { ...nothing, state: 'invalid', faults, warnings };
    const facts = { file, name: definition.name, steps: definition.steps.length, faults: [], warnings };
    if (dryRun) return { ...facts, state: 'valid', workflow_id: null, version: null };
    const { stored, created } = await engine.workflows.create(read.value);
    return { ...facts, state: created ? 'stored' : 'unchanged', workflow_id: stored.id, version: stored.version };
  } catch (error) {
    if (!(error instanceof LogisticsError) || error.code.startsWith('store_')) throw error;
    return {
      ...nothing,
      state: 'invalid',
      faults: [{ path: '', code: error.code, message: error.message, ...(error.nearMatches.length === 0 ? {} : { nearMatches: [...error.nearMatches] }) }],
    };
  }
}
