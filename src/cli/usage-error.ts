// Owns wrong use of the command line: unknown names get near matches, commands of the future are refused by name.
import type { Command, CommanderError } from 'commander';
import { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';

/** Commands of the design that are not built yet. */
const NOT_BUILT: Readonly<Record<string, string>> = {
  backup: 'Backup is not built yet; stop all processes and copy the data folder.',
  restore: 'Restore is not built yet; stop all processes and put the copied data folder back.',
  export: 'Export is not built yet; get with --json shows one thing, list with --json many.',
};

export function usageError(error: CommanderError, program: Command, argv: readonly string[]): LogisticsError {
  const command = commandOf(program, argv);
  const help = `Run: ${fullName(command)} --help`;
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownCommand': {
      const refused = Object.hasOwn(NOT_BUILT, quoted) ? NOT_BUILT[quoted] : undefined;
      if (refused !== undefined) return new LogisticsError('not_available', refused, { path: quoted, nextActions: ['Run: logistics-mcp --help'] });
      const names = (command.commands.length > 0 ? command : program).commands.map((each) => each.name());
      return new LogisticsError(
        'invalid_input',
        `There is no command ${command.commands.length > 0 && command !== program ? `${command.name()} ` : ''}${quoted}.`,
        {
          path: quoted,
          nearMatches: nearMatches(quoted, names),
          nextActions: [help],
        },
      );
    }
    case 'commander.unknownOption': {
      const known = [...command.options, ...program.options].flatMap((option) => (option.long === undefined ? [] : [option.long]));
      const flag = quoted.replace(/=.*$/, '');
      return new LogisticsError('invalid_input', `${fullName(command)} has no flag ${flag}.`, {
        path: flag,
        nearMatches: nearMatches(flag, [...known, '--help']),
        nextActions: [help],
      });
    }
    case 'commander.help':
      return new LogisticsError('invalid_input', 'No command is given.', {
        expected: (command.commands.length > 0 ? command : program).commands.map((each) => each.name()).join(', '),
        nextActions: [help],
      });
    default: {
      const text = error.message.replace(/^error: /, '').replace(/^./, (letter) => letter.toUpperCase());
      return new LogisticsError('invalid_input', text.endsWith('.') ? text : `${text}.`, { nextActions: [help] });
    }
  }
}

function commandOf(program: Command, argv: readonly string[]): Command {
  const found = program.commands.find((command) => argv.includes(command.name()) && command.args !== undefined && program.args.includes(command.name()));
  if (found === undefined || found.commands.length === 0) return found ?? program;
  return found.commands.find((command) => argv[argv.indexOf(found.name()) + 1] === command.name()) ?? found;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
