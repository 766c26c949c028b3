// What is published of the project says the same everywhere: names, versions, how the server is started, and settings that exist.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ENV_NAMES } from '../../src/config/environment.ts';
import { read, root } from '../docs/documents.ts';

interface Named {
  readonly name: string;
}
interface ServerPackage {
  readonly registryType: string;
  readonly registryBaseUrl: string;
  readonly identifier: string;
  readonly version: string;
  readonly runtimeHint: string;
  readonly transport: { readonly type: string; readonly url?: string };
  readonly packageArguments?: readonly { readonly type: string; readonly name?: string; readonly value?: string; readonly default?: string }[];
  readonly environmentVariables: readonly (Named & { readonly description: string; readonly format?: string })[];
}

const about = JSON.parse(read('package.json')) as {
  readonly name: string;
  readonly version: string;
  readonly mcpName: string;
  readonly files: readonly string[];
  readonly devDependencies: Readonly<Record<string, string>>;
};
const START = { command: 'npx', args: ['-y', about.name] };

describe('server.json, as the schema of 2025-12-11 has it', () => {
  const server = JSON.parse(read('server.json')) as Named & {
    readonly $schema: string;
    readonly title: string;
    readonly description: string;
    readonly version: string;
    readonly packages: readonly ServerPackage[];
  };

  it('has the fields of a server and no others', () => {
    expect(server.$schema).toBe('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json');
    expect(Object.keys(server).sort()).toEqual(['$schema', 'description', 'name', 'packages', 'title', 'version']);
    expect(server.name).toMatch(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/);
    expect([server.name, server.version]).toEqual([about.mcpName, about.version]);
    expect(server.description.length).toBeLessThanOrEqual(100);
    expect(server.title.length).toBeLessThanOrEqual(100);
  });

  it.each(server.packages.map((entry) => [entry.transport.type, entry] as const))(
    'the package over %s is ours, in this version, with settings that exist',
    (type, entry) => {
      expect(entry).toMatchObject({
        registryType: 'npm',
        registryBaseUrl: 'https://registry.npmjs.org',
        identifier: about.name,
        version: about.version,
        runtimeHint: 'npx',
      });
      for (const { name, description, format } of entry.environmentVariables) {
        expect(Object.keys(ENV_NAMES)).toContain(name);
        expect(description).not.toBe('');
        expect([undefined, 'string', 'number', 'boolean', 'filepath']).toContain(format);
      }
      const args = entry.packageArguments ?? [];
      if (type === 'stdio') expect(args).toEqual([]);
      else {
        expect(args).toMatchObject([
          { type: 'positional', value: 'serve' },
          { type: 'named', name: '--port', default: '8787' },
        ]);
        expect(entry.transport.url).toBe('http://127.0.0.1:{--port}/mcp');
      }
    },
  );
});

it('the Claude Code plugin starts the published server, brings the skill, and is what the marketplace offers', () => {
  const plugin = JSON.parse(read('.claude-plugin/plugin.json')) as Named & { readonly version: string; readonly mcpServers: object };
  const market = JSON.parse(read('.claude-plugin/marketplace.json')) as Named & {
    readonly owner: Named;
    readonly plugins: readonly (Named & { readonly source: string })[];
  };
  expect(plugin).toMatchObject({ name: about.name, version: about.version, mcpServers: { logistics: START } });
  expect(market.plugins).toMatchObject([{ name: plugin.name, source: './' }]);
  expect(read('README.md')).toContain(`/plugin install ${plugin.name}@${market.name}`);
  // A plugin's skills are found by their folder.
  expect(existsSync(join(root, 'skills/durable-workflows/SKILL.md'))).toBe(true);
  for (const name of ['skills', '.claude-plugin', 'server.json']) expect(about.files).toContain(name);
});

describe('README', () => {
  const text = read('README.md');

  it.each([
    ['Cursor', /https:\/\/cursor\.com\/en\/install-mcp\?\S+?(?=\))/, (config: string) => Buffer.from(config, 'base64').toString()],
    ['VS Code', /https:\/\/vscode\.dev\/redirect\/mcp\/install\?\S+?(?=\))/, (config: string) => config],
  ])('the link for %s holds what the snippet says', (_, link, decode) => {
    const { searchParams } = new URL(link.exec(text)?.[0] ?? '');
    expect(searchParams.get('name')).toBe('logistics');
    expect(JSON.parse(decode(searchParams.get('config') ?? ''))).toEqual(START);
    expect(text).toContain(
      JSON.stringify({ mcpServers: { logistics: START } })
        .replaceAll(':', ': ')
        .replaceAll(',', ', '),
    );
  });
});

it('compose.yaml sets what exists and keeps what has to be kept', () => {
  const { services, volumes } = parse(read('compose.yaml')) as {
    readonly services: Readonly<
      Record<string, { readonly environment?: Readonly<Record<string, string>>; readonly volumes?: readonly string[]; readonly command?: readonly string[] }>
    >;
    readonly volumes: object;
  };
  for (const { environment = {} } of [services.server ?? {}, services.worker ?? {}]) {
    expect(Object.keys(ENV_NAMES)).toEqual(expect.arrayContaining(Object.keys(environment)));
    expect(environment.LOGISTICS_STORE).toBe('redis://redis:6379');
  }
  expect(services.redis?.command).toEqual(expect.arrayContaining(['--appendonly', 'yes', '--maxmemory-policy', 'noeviction']));
  const mounted = Object.values(services).flatMap(({ volumes: used = [] }) => used.map((volume) => volume.split(':')[0]));
  expect(mounted.sort()).toEqual(Object.keys(volumes).sort());
});
