// Owns how help looks: what it is, how to call it, commands by group, its flags, the flags of every command, examples.
import type { Command, Help, Option } from 'commander';
import { type Colors, padEnd, widthOf } from './text.ts';

type Row = readonly [term: string, description: string];

export function helpText(command: Command, helper: Help, colors: Colors, width: number): string {
  const isProgram = command.parent === null;
  const lines = [command.description(), '', `${colors.bold('Usage:')} ${helper.commandUsage(command).replace('[options]', '[flags]')}`];
  const section = (title: string, rows: readonly Row[], indent: number): void => {
    if (rows.length === 0) return;
    lines.push('', colors.bold(title));
    for (const [term, description] of rows) lines.push(...rowLines(term, description, indent, width, colors));
  };
  const args = command.registeredArguments.map((argument): Row => [argument.name(), argument.description]);
  const own = visible(command);
  const shared = isProgram ? [] : visible(rootOf(command)).filter((option) => option.long !== '--version');
  const help: Row = ['-h, --help', 'print help'];
  const groups = helper.groupItems([...command.commands], helper.visibleCommands(command), (each) => each.helpGroup() || 'More:');
  const commandRows = [...groups].map(([title, list]) => [title, list.map((each): Row => [termOf(each), each.description()])] as const);
  const ownRows = [...own.map(rowOf), ...(isProgram ? [help] : [])];
  const indent = 4 + Math.max(0, ...[...args, ...ownRows, ...shared.map(rowOf), ...commandRows.flatMap(([, rows]) => rows)].map(([term]) => widthOf(term)));
  for (const [title, rows] of commandRows) section(title, rows, indent);
  section('Arguments:', args, indent);
  section('Flags:', ownRows, indent);
  section('Flags of every command:', isProgram ? [] : [...shared.map(rowOf), help], indent);
  return `${lines.join('\n')}\n`;
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function visible(command: Command): Option[] {
  return command.options.filter((option) => !option.hidden);
}

function rowOf(option: Option): Row {
  return [option.flags, option.description];
}

function termOf(command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '…' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...args].join(' ');
}

function rowLines(term: string, description: string, indent: number, width: number, colors: Colors): string[] {
  const room = Math.max(20, width - indent);
  const lines = [''];
  for (const word of description.split(' ')) {
    const last = lines.at(-1) as string;
    if (last !== '' && widthOf(last) + 1 + widthOf(word) > room) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line, at) => (at === 0 ? `  ${colors.cyan(padEnd(term, indent - 2))}${line}` : ' '.repeat(indent) + line));
}
