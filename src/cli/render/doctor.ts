// Owns how the doctor's findings read: one line per check, below it what to do, at the end one sentence.
import type { Check } from '../doctor/check.ts';
import { type Colors, count, oneLine, padEnd, widthOf } from './text.ts';

export function doctorLines(checks: readonly Check[], c: Colors): string[] {
  const width = Math.max(...checks.map((check) => widthOf(check.name)));
  const mark = { ok: c.green('✓'), warn: c.yellow('!'), fail: c.red('✗') };
  const lines = checks.flatMap((check) => [
    `${mark[check.state]} ${padEnd(check.name, width)}  ${check.state === 'ok' ? c.dim(oneLine(check.detail)) : oneLine(check.detail)}`,
    ...(check.action === undefined ? [] : [`  ${' '.repeat(width)}  ${c.dim('→')} ${oneLine(check.action)}`]),
  ]);
  const failed = checks.filter((check) => check.state === 'fail').length;
  const warned = checks.filter((check) => check.state === 'warn').length;
  const end =
    failed > 0
      ? c.red(`${count(failed, 'check')} failed${warned > 0 ? `, ${count(warned, 'warning')}` : ''}.`)
      : warned > 0
        ? c.yellow(`Works, with ${count(warned, 'warning')}.`)
        : c.green('All is well.');
  return [...lines, '', end];
}
