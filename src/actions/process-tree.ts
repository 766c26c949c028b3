// Owns one child process and all it starts: bounded output, and nothing of its process group is left when it returns.
import type { ResultPromise } from 'execa';

const STDERR_TAIL_BYTES = 16 * 1024;
const KILL_GRACE_MS = 2_000;
/** How long output may still come after the program itself has ended, from background processes that hold its pipes. */
const PIPE_GRACE_MS = 500;

export interface ProcessRequest {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | undefined;
  readonly maxOutputBytes: number;
  readonly killGraceMs?: number | undefined;
}

export interface ProcessResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Standard output was longer than maxOutputBytes; the rest was read and dropped. */
  readonly truncated: boolean;
  readonly durationMs: number;
  /** Why it could not be started, e.g. `EACCES`. */
  readonly startFault: string | undefined;
}

/**
 * Runs a program without a shell in a process group of its own. An abort sends SIGTERM to the group, then SIGKILL after
 * a grace of 2 s (Windows: taskkill /T /F); a descendant that opened a session of its own escapes. Resolves when the
 * program has ended, also after an abort.
 */
export async function runProcess(request: ProcessRequest, signal: AbortSignal): Promise<ProcessResult> {
  const { execa } = await import('execa');
  const started = performance.now();
  const child = execa(request.file, request.args, {
    cwd: request.cwd,
    env: request.env,
    extendEnv: false,
    shell: false,
    preferLocal: false,
    reject: false,
    buffer: false,
    encoding: 'buffer',
    windowsHide: true,
    killDescendants: true,
    cancelSignal: signal,
    forceKillAfterDelay: request.killGraceMs ?? KILL_GRACE_MS,
    ...(request.stdin === undefined ? { stdin: 'ignore' as const } : { input: request.stdin }),
  });
  const stdout = collectHead(child, request.maxOutputBytes);
  const stderr = collectTail(child);
  let closing: NodeJS.Timeout | undefined;
  child.nodeChildProcess.once('exit', () => {
    closing = setTimeout(() => {
      child.kill('SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, PIPE_GRACE_MS);
  });
  const result = await child;
  clearTimeout(closing);
  // The program has ended; whatever it left in its group ends too. The group keeps its number while it has members.
  if (child.pid !== undefined) child.kill('SIGKILL');
  return {
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: stdout.bytes(),
    truncated: stdout.truncated(),
    stderr: stderr(),
    durationMs: Math.round(performance.now() - started),
    startFault: child.pid === undefined ? (result.code ?? 'unknown') : undefined,
  };
}

function collectHead(child: ResultPromise, limit: number): { bytes(): Buffer; truncated(): boolean } {
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    const room = limit - size;
    if (chunk.byteLength > room) truncated = true;
    if (room <= 0) return;
    const part = chunk.subarray(0, room);
    chunks.push(part);
    size += part.byteLength;
  });
  return { bytes: () => Buffer.concat(chunks), truncated: () => truncated };
}

function collectTail(child: ResultPromise): () => string {
  let tail = Buffer.alloc(0);
  child.stderr?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]);
    if (tail.byteLength > STDERR_TAIL_BYTES) tail = tail.subarray(-STDERR_TAIL_BYTES);
  });
  return () => new TextDecoder().decode(tail);
}
