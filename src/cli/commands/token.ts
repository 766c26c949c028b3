// Owns `token`: makes, lists and revokes the tokens of the HTTP server; a secret is shown once and kept nowhere.
import type { Command } from 'commander';
import { SCOPES, type Scope } from '../../domain/access.ts';
import { parseDuration } from '../../domain/duration.ts';
import { LogisticsError } from '../../domain/errors.ts';
import { nearMatches } from '../../domain/near-match.ts';
import { parseInput } from '../../domain/parse-input.ts';
import type { StoredToken, TokenFile } from '../../http/token-file.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { loadFor } from '../open.ts';
import { type Column, tableLines } from '../render/table.ts';

interface TokenFlags {
  readonly scope?: readonly string[];
  readonly expires?: string;
  readonly tokensFile?: string;
}

const COLUMNS: readonly Column<Omit<StoredToken, 'hash'>>[] = [
  { title: 'name', text: ({ name }) => name, flexible: true },
  { title: 'namespace', text: ({ namespace }) => namespace },
  { title: 'scopes', text: ({ scopes }) => scopes.join(' ') },
  { title: 'expires', text: ({ expires_at }) => expires_at ?? 'never' },
];

export function addToken(program: Command, invoke: Invoke): void {
  const token = program
    .command('token')
    .description('make, list and revoke tokens of the HTTP server')
    .addHelpText('after', examples('logistics-mcp token add ci --expires 90d', 'logistics-mcp token list'));
  token
    .command('add')
    .argument('<name>', 'whose it is, for example ci')
    .description('make a token for the namespace and show its secret once')
    .option('--scope <names...>', `of ${SCOPES.join(', ')}; default read write`)
    .option('--expires <duration>', 'it ends after this time, for example 90d; default never')
    .option('--tokens-file <file>', 'default tokens.json beside the store')
    .addHelpText('after', examples('logistics-mcp token add ci --expires 90d', 'logistics-mcp token add reviewer --scope read approve --namespace acme'))
    .action((name: string, flags: TokenFlags, command: Command) => invoke(command, (context) => add(context, name, flags)));
  token
    .command('list')
    .description('show the tokens, without secrets')
    .option('--tokens-file <file>', 'default tokens.json beside the store')
    .addHelpText('after', examples('logistics-mcp token list'))
    .action((flags: TokenFlags, command: Command) => invoke(command, (context) => list(context, flags)));
  token
    .command('revoke')
    .argument('<name>', 'its name')
    .description('take a token away; a running server refuses it at once')
    .option('--tokens-file <file>', 'default tokens.json beside the store')
    .addHelpText('after', examples('logistics-mcp token revoke ci'))
    .action((name: string, flags: TokenFlags, command: Command) => invoke(command, (context) => revoke(context, name, flags)));
}

async function add(context: CommandContext, name: string, { scope = ['read', 'write'], expires, tokensFile }: TokenFlags): Promise<number> {
  const { file, namespace } = await open(context, tokensFile);
  const { TokenName } = await import('../../http/token-file.ts');
  parseInput(TokenName, name, 'The name cannot be used', 'name');
  const now = context.io.now();
  const { secret, stored } = file.add({ name, scopes: scope.map(scopeNamed), namespace, expires_at: endOf(expires, now) }, now);
  context.out.data({ name, namespace, scopes: stored.scopes, expires_at: stored.expires_at, token: secret, file: file.path });
  context.out.print([secret, `token ${name} for ${namespace}: ${stored.scopes.join(', ')}; it is not shown again, ${file.path} holds its hash only`]);
  return EXIT.ok;
}

async function list(context: CommandContext, { tokensFile }: TokenFlags): Promise<number> {
  const { file } = await open(context, tokensFile);
  const tokens = file.list().map(({ hash: _, ...shown }) => shown);
  context.out.data({ file: file.path, tokens });
  context.out.print(tokens.length === 0 ? [`there are no tokens in ${file.path}`] : tableLines(tokens, COLUMNS, context.out.colors, context.out.width));
  return EXIT.ok;
}

async function revoke(context: CommandContext, name: string, { tokensFile }: TokenFlags): Promise<number> {
  const { file } = await open(context, tokensFile);
  const names = file.list().map((token) => token.name);
  if (!file.revoke(name))
    throw new LogisticsError('not_found', `There is no token named ${name}.`, {
      path: 'name',
      nearMatches: nearMatches(name, names),
      nextActions: ['Run: logistics-mcp token list'],
    });
  context.out.data({ name, revoked: true });
  context.out.print([`revoked ${name}`]);
  return EXIT.ok;
}

async function open(context: CommandContext, tokensFile: string | undefined): Promise<{ readonly file: TokenFile; readonly namespace: string }> {
  const { config } = await loadFor({ ...context, flags: { ...context.flags, tokensFile } });
  const [{ TokenFile: File }, { tokensPath }] = await Promise.all([import('../../http/token-file.ts'), import('../../http/serve.ts')]);
  return { file: new File(tokensPath(config), context.io.context.platform ?? process.platform), namespace: config.namespace };
}

function scopeNamed(text: string): Scope {
  const scope = SCOPES.find((name) => name === text);
  if (scope !== undefined) return scope;
  throw new LogisticsError('invalid_input', `${JSON.stringify(text)} is no scope.`, {
    path: '--scope',
    expected: `one of ${SCOPES.join(', ')}`,
    nearMatches: nearMatches(text, SCOPES),
  });
}

function endOf(expires: string | undefined, now: number): string | null {
  if (expires === undefined) return null;
  const ms = parseDuration(expires);
  if (ms !== undefined && ms > 0) return new Date(now + ms).toISOString();
  throw new LogisticsError('invalid_input', `${JSON.stringify(expires)} is no duration.`, { path: '--expires', expected: 'a duration such as 90d' });
}
