// Owns the chapter on the command line: read from the program that parses it.
import type { Command, Option } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { code, table } from '../../tools/reference/markdown.ts';

const SILENT = { write: (): boolean => true, isTTY: false };

export function cliPart(): string {
  const program = createProgram(
    {
      stdout: SILENT,
      stderr: SILENT,
      context: { env: {}, cwd: '/', homeDir: '/' },
      now: () => 0,
      program: [],
      onInterrupt: () => () => undefined,
      exit: () => undefined,
    },
    () => undefined,
  );
  const shared = new Set(program.options.map((option) => option.long));
  return [
    '## Command line',
    'Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled. `logistics-mcp` alone serves MCP over stdio.',
    'Flags of every command (`--version` stands alone):',
    flags(program.options),
    ...program
      .createHelp()
      .visibleCommands(program)
      .flatMap((command) => [command, ...command.commands])
      .flatMap((command) => onePart(command, shared)),
  ].join('\n\n');
}

function onePart(command: Command, shared: ReadonlySet<string | undefined>): string[] {
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '…' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const described = command.registeredArguments
    .filter((argument) => argument.description !== '')
    .map((argument) => [code(argument.name()), argument.description]);
  const options = command.options.filter((option) => !shared.has(option.long));
  return [
    `### ${[...parentsOf(command), command.name(), ...args].join(' ')}`,
    `${command.description().replace(/^./, (letter) => letter.toUpperCase())}.`,
    ...(described.length + options.length === 0 ? [] : [table(['argument or flag', 'meaning'], [...described, ...options.map(flagRow)])]),
  ];
}

function parentsOf(command: Command): string[] {
  return command.parent === null ? [] : [...parentsOf(command.parent), command.parent.name()];
}

function flags(options: readonly Option[]): string {
  return table(['flag', 'meaning'], options.map(flagRow));
}

function flagRow(option: Option): string[] {
  return [code(option.flags), option.description];
}
