// Owns `validate`: all faults of a definition at once, nothing stored.
import type { Command } from 'commander';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { readDefinition } from '../definition-ref.ts';
import { withCheckingEngine } from '../open.ts';
import { faultLines } from '../render/faults.ts';
import { count, oneLine } from '../render/text.ts';

export function addValidate(program: Command, invoke: Invoke): void {
  program
    .command('validate')
    .argument('<file>', 'a definition in YAML or JSON')
    .description('check a definition; tells all faults at once')
    .addHelpText('after', examples('logistics-mcp validate release-notes.yaml', 'logistics-mcp validate release-notes.yaml --json'))
    .addHelpText('after', '\nExit codes: 0 valid, 2 not.')
    .action((file: string, _flags: object, command: Command) => invoke(command, (context) => validate(context, file)));
}

async function validate(context: CommandContext, file: string): Promise<number> {
  const { out } = context;
  const read = await readDefinition(file, context.io.context.cwd);
  return withCheckingEngine(context, async ({ engine }) => {
    const checked =
      read.faults.length > 0 ? { valid: false, definition: null, hash: null, faults: read.faults, warnings: [] } : engine.workflows.check(read.value);
    const { definition, valid, faults, warnings, hash } = checked;
    const c = out.colors;
    out.data({ file, valid, name: definition?.name ?? null, hash, steps: definition?.steps.length ?? null, faults, warnings });
    if (definition === null) out.print([`${c.red('✗')} ${c.bold(file)} has ${count(faults.length, 'fault')}`, ...faultLines(faults, c)]);
    else
      out.print([`${c.green('✓')} ${c.bold(oneLine(definition.name))} is valid  ${c.dim(`${count(definition.steps.length, 'step')}, ${hash?.slice(0, 12)}`)}`]);
    out.print(faultLines(warnings, c, c.yellow('!')));
    return valid ? EXIT.ok : EXIT.badInput;
  });
}
