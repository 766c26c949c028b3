// Owns the chapter on the library: the names that src/index.ts exports, each with the first sentence of its docstring.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { code, table } from '../../tools/reference/markdown.ts';

export interface PublicName {
  readonly name: string;
  readonly isType: boolean;
  readonly from: string;
  readonly sentence: string;
}

/** All public names, values first, each group in the order of the file. */
export function publicNames(root: string): PublicName[] {
  const index = readFileSync(join(root, 'src/index.ts'), 'utf8');
  const names: PublicName[] = [];
  for (const [, type, list, from] of index.matchAll(/^export (type )?\{ ([^}]+) \} from '([^']+)';$/gm)) {
    const file = join('src', from as string).replaceAll('\\', '/');
    for (const entry of (list as string).split(',')) {
      const [original, name = original] = entry.trim().split(' as ') as [string, string?];
      names.push({ name: name as string, isType: type !== undefined, from: file, sentence: sentenceOf(root, file, original) });
    }
  }
  return names.sort((a, b) => Number(a.isType) - Number(b.isType));
}

export function libraryPart(root: string): string {
  const names = publicNames(root);
  const rows = (isType: boolean): string[][] =>
    names.filter((name) => name.isType === isType).map(({ name, from, sentence }) => [code(name), sentence, `[${from}](${from})`]);
  return [
    '## Library',
    "`import { openEngine } from 'logistics-mcp'`. Values:",
    table(['name', 'what it is', 'where'], rows(false)),
    ...names
      .filter((name) =>
        ['OrchestrationEngine', 'WorkflowManager', 'TaskOrchestrator', 'OrchestrationSession', 'Queue', 'JobScheduler', 'WorkerAgents'].includes(name.name),
      )
      .map((name) => membersOf(root, name)),
    'Types:',
    table(['name', 'what it is', 'where'], rows(true)),
  ].join('\n\n');
}

/** The public methods and getters of a class, with their docstrings. */
function membersOf(root: string, { name, from }: PublicName): string {
  const text = readFileSync(join(root, from), 'utf8');
  const start = text.search(new RegExp(`^export class ${name}\\b`, 'm'));
  const body = text.slice(start, text.indexOf('\n}\n', start));
  const members = [...body.matchAll(/\n(?: {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)? {2}(?:async )?(get )?([a-z]\w*)\(/g)]
    .filter(([, , , member]) => member !== 'constructor')
    .map(([, comment = '', getter, member]) => [code(`${member}${getter === undefined ? '()' : ''}`), flat(comment.replace(/^\s*\* ?/gm, ''))]);
  return table([`of ${name}`, 'meaning'], members);
}

function flat(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** First sentence of the docstring above a declaration; else of what its file owns, for a value and for the type that its file is named after. */
function sentenceOf(root: string, file: string, name: string): string {
  const path = join(root, file);
  if (!existsSync(path)) throw new Error(`src/index.ts names ${file}, which is not there`);
  const text = readFileSync(path, 'utf8');
  const at = new RegExp(`^export (?:declare )?(?:async )?(?:function|class|const|interface|type) ${name}\\b`, 'm').exec(text);
  if (at === null) throw new Error(`${file} does not declare ${name}`);
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, at.index))?.[1];
  const isMain = !/interface|type/.test(at[0]) || file.endsWith(`/${name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase()}.ts`);
  const owned = isMain ? (/^(?:\/\/ .*\n)+/.exec(text)?.[0].replaceAll('// ', '') ?? '') : '';
  const whole = flat(comment?.replace(/^\s*\* ?/gm, '') ?? owned);
  return /^.*?[.](?= |$)/.exec(whole)?.[0] ?? whole;
}
