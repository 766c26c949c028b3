// Owns the generated documents: API_SPECIFICATION.md and the skill as a whole, the state charts inside ARCHITECTURE.md; `--check` compares and writes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../src/version.ts';
import { SKILL_NAME, SKILL_TEXT } from '../tools/reference/skill.ts';
import { cliPart } from './docs/cli-part.ts';
import { configPart } from './docs/config-part.ts';
import { definitionPart } from './docs/definition-part.ts';
import { errorsPart, eventsPart } from './docs/errors-part.ts';
import { libraryPart } from './docs/library-part.ts';
import { mcpPart } from './docs/mcp-part.ts';
import { metricsPart } from './docs/metrics-part.ts';
import { restPart } from './docs/rest-part.ts';
import { jobChart, projectChart, stepChart } from './docs/state-charts.ts';
import { tasksPart } from './docs/tasks-part.ts';
import { toolsPart } from './docs/tools-part.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

async function specification(): Promise<string> {
  const parts = [
    '# API specification',
    `Of logistics-mcp ${VERSION}. Generated from the schemas by \`npm run docs\`; \`npm run check\` fails when it is stale. Do not edit it.`,
    '[MCP tools](#mcp-tools) · [MCP resources, prompts, tasks](#mcp-resources-prompts-tasks) · [HTTP interface](#http-interface) · [Workflow definition](#workflow-definition) · [Task types](#task-types) · [Steps that wait](#steps-that-wait) · [Errors](#errors) · [Events](#events) · [Configuration](#configuration) · [Command line](#command-line) · [Metrics](#metrics) · [Library](#library)',
    toolsPart(),
    mcpPart(),
    restPart(),
    definitionPart(),
    await tasksPart(),
    errorsPart(),
    eventsPart(root),
    configPart(),
    cliPart(),
    metricsPart(),
    libraryPart(root),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Replaces what stands between the markers of a generated part. */
function withPart(text: string, name: string, part: string): string {
  const begin = `<!-- generated: ${name} -->`;
  const end = '<!-- end of generated part -->';
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`ARCHITECTURE.md has no part between "${begin}" and "${end}"`);
  return `${text.slice(0, from + begin.length)}\n${part}\n${text.slice(to)}`;
}

function read(name: string): string {
  try {
    return readFileSync(join(root, name), 'utf8').replaceAll('\r\n', '\n');
  } catch {
    return '';
  }
}

const documents = new Map<string, string>([
  ['API_SPECIFICATION.md', await specification()],
  [`skills/${SKILL_NAME}/SKILL.md`, SKILL_TEXT],
  [
    'ARCHITECTURE.md',
    withPart(withPart(withPart(read('ARCHITECTURE.md'), 'job states', jobChart()), 'step states', stepChart()), 'project states', projectChart()),
  ],
]);
const stale = [...documents].filter(([name, text]) => read(name) !== text).map(([name]) => name);
if (!process.argv.includes('--check')) {
  for (const name of stale) writeFileSync(join(root, name), documents.get(name) as string);
  process.stdout.write(stale.length === 0 ? 'All generated documents are up to date.\n' : `Written: ${stale.join(', ')}\n`);
} else if (stale.length > 0) {
  process.stderr.write(`${stale.join(' and ')} ${stale.length === 1 ? 'is' : 'are'} not what the code says; run: npm run docs\n`);
  process.exitCode = 1;
}
