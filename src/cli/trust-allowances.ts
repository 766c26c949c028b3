// Owns saying what the guarded keys of a configuration allow, without showing a secret or a header.
import type { ConfigFields } from '../config/config-schema.ts';

export interface Allowance {
  readonly key: string;
  /** One line per thing that becomes possible. */
  readonly items: readonly string[];
}

export function allowances(fields: ConfigFields): Allowance[] {
  const all: Allowance[] = [];
  const add = (key: string, items: readonly string[]): void => {
    if (items.length > 0) all.push({ key, items });
  };
  add(
    'shell',
    (fields.shell?.allow ?? []).map(({ argv, profile }) => `runs ${argv.join(' ')}${profile === undefined ? '' : `  (profile ${profile})`}`),
  );
  add(
    'mcpServers',
    Object.entries(fields.mcpServers ?? {}).map(([name, server]) =>
      server.url === undefined ? `${name}: starts ${[server.command ?? '', ...(server.args ?? [])].join(' ')}` : `${name}: reaches ${server.url}`,
    ),
  );
  add('handlers', fields.handlers === undefined ? [] : [`runs the code of ${fields.handlers}`]);
  add(
    'http',
    (fields.http?.allowAddresses ?? []).map((address) => `reaches ${address}`),
  );
  add(
    'secrets',
    Object.entries(fields.secrets ?? {}).map(([name, secret]) => {
      const to = [...(secret.hosts ?? []), ...(secret.servers ?? [])];
      return `${name}: to ${secret.tasks.join(', ')}${to.length === 0 ? '' : ` at ${to.join(', ')}`}${secret.command === undefined ? '' : `, read with ${secret.command.join(' ')}`}`;
    }),
  );
  add('secretsFile', fields.secretsFile === undefined ? [] : [`reads ${fields.secretsFile}`]);
  add('serve', fields.serve === undefined ? [] : [`the HTTP server: ${JSON.stringify(fields.serve)}`]);
  add('tokensFile', fields.tokensFile === undefined ? [] : [`believes the tokens in ${fields.tokensFile}`]);
  return all;
}
