// Owns the place of `stdio` in the help; the program itself serves it before any command is read.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { examples } from '../command-context.ts';

export function addStdio(program: Command): void {
  program
    .command('stdio')
    .description('serve MCP on standard input and output (the default)')
    .addHelpText('after', examples('logistics-mcp', 'claude mcp add logistics -- npx -y logistics-mcp'))
    .action(() => {
      throw new LogisticsError('not_available', 'The MCP server is started by the program logistics-mcp, not by this function.');
    });
}
