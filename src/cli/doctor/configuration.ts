// Owns the checks of the configuration: which file acts, what in it does not, and why.
import type { LoadedConfig } from '../../config.ts';
import type { Check } from './check.ts';

export function checkConfig(loaded: LoadedConfig): Check[] {
  const { file, untrusted, warnings, config } = loaded;
  const checks: Check[] = [{ name: 'config', state: 'ok', detail: file ?? 'no file; defaults, environment and flags' }];
  checks.push({ name: 'namespace', state: 'ok', detail: config.namespace });
  if (untrusted !== null) {
    const what = untrusted.changed ? 'has changed since it was trusted' : 'is not trusted';
    checks.push({
      name: 'trust',
      state: 'warn',
      detail: `${untrusted.file} ${what}; without effect: ${untrusted.keys.join(', ')}`,
      action: `Review it, then run: logistics-mcp trust ${JSON.stringify(untrusted.file)}`,
    });
  } else if (file !== null) {
    checks.push({ name: 'trust', state: 'ok', detail: 'all of the config file acts' });
  }
  for (const warning of warnings) {
    if (warning.code === 'untrusted_config') continue;
    checks.push({ name: warning.code.replaceAll('_', ' '), state: 'warn', detail: warning.message, action: warning.nextActions[0] ?? 'Correct it.' });
  }
  return checks;
}
