// Holds the log to JSON lines with correlation ids and without any secret.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { componentLogger, createLogger, type Logger, type LogLevel, silentLogger } from '../../src/logger.ts';
import { createRedactor, type Redactor } from '../../src/runtime/redact.ts';

function recorded(level: LogLevel, redactor?: Redactor): { logger: Logger; lines: () => Record<string, unknown>[]; raw: string[] } {
  const raw: string[] = [];
  const logger = createLogger({ level, redactor, destination: { write: (line) => void raw.push(line) } });
  return { logger, raw, lines: () => raw.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('createLogger', () => {
  it('writes JSON lines at and above its level, with component and ids', () => {
    const { logger, lines } = recorded('info');
    const child = componentLogger(logger, 'queue', { job_id: 'job_1', execution_id: 'exec_1' });
    child.debug('not shown');
    child.warn({ attempt: 2 }, 'retry');
    expect(lines()).toMatchObject([{ level: 'warn', component: 'queue', job_id: 'job_1', execution_id: 'exec_1', attempt: 2, msg: 'retry', pid: process.pid }]);
    expect(lines()[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(lines()[0]).not.toHaveProperty('hostname');
  });

  it('masks secrets in messages, fields, bindings and errors, also those registered after a child was made', () => {
    const redactor = createRedactor();
    const { logger, lines, raw } = recorded('info', redactor);
    const child = componentLogger(logger, 'http').child({ url: 'https://x/?k=s3cr"et' });
    redactor.add('K', 's3cr"et');
    redactor.add('DIGITS', String(process.pid).padStart(4, '0'));
    child.info({ deep: [{ header: 'Bearer s3cr"et' }], quoted: JSON.stringify({ a: 's3cr"et' }) }, 'sent s3cr"et');
    child.error(new Error('refused s3cr"et'));
    expect(raw.join('')).not.toMatch(/s3cr/);
    expect(lines()[0]).toMatchObject({ url: 'https://x/?k=[secret:K]', deep: [{ header: 'Bearer [secret:K]' }], msg: 'sent [secret:K]', pid: process.pid });
    expect(lines()[1]).toMatchObject({ level: 'error', msg: 'refused [secret:K]', err: { message: 'refused [secret:K]' } });
    for (const line of raw) expect(line.endsWith('\n')).toBe(true);
  });

  it('writes to standard error only, at once', async () => {
    const script = `import { createLogger } from ${JSON.stringify(new URL('../../src/logger.ts', import.meta.url).href)}; createLogger({ level: 'info' }).info('here'); process.kill(process.pid, 'SIGKILL');`;
    const ended = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    expect(ended.stdout).toBe('');
    expect(JSON.parse(ended.stderr)).toMatchObject({ msg: 'here' });
  });

  it('can be silent', () => {
    const { logger, raw } = recorded('silent');
    logger.fatal('x');
    expect(raw).toEqual([]);
    expect(silentLogger().isLevelEnabled('fatal')).toBe(false);
  });
});
