// Owns a process that tests kill: started, heard line by line, ended with SIGKILL.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../src/domain/json.ts';
import { atEnd } from './test-engine.ts';

const entry = fileURLToPath(new URL('./crash-child.ts', import.meta.url));

export interface CrashChild {
  readonly process: ChildProcess;
  /** Resolves to the first line that begins so. */
  line(begin: string): Promise<string>;
  kill(): Promise<void>;
}

/** `holdAt` is the label at which its task `mark` holds; `work` is a definition that it starts. */
export function crashChild(dataDir: string, journal: string, holdAt: string, work: JsonObject | null): CrashChild {
  const child = spawn(process.execPath, [entry, dataDir, journal, holdAt, work === null ? '' : JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const waiting: { begin: string; resolve: (line: string) => void }[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    for (const { begin, resolve } of waiting) {
      const found = lines.find((line) => line.startsWith(begin));
      if (found !== undefined) resolve(found);
    }
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  atEnd(kill);
  const line = (begin: string): Promise<string> =>
    new Promise((resolve) => {
      const found = lines.find((known) => known.startsWith(begin));
      if (found === undefined) waiting.push({ begin, resolve });
      else resolve(found);
    });
  return { process: child, kill, line };
}
