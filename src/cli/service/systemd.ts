// Owns the systemd user unit: its place, its text with systemd's own escapes, and the systemctl commands.
import { posix } from 'node:path';
import { refuseControls, type ServiceDefinition, type ServiceManager } from './definition.ts';

export function systemdService(service: ServiceDefinition, configHome: string): ServiceManager {
  refuseControls([...service.argv, service.workingFolder, service.description, ...Object.values(service.variables)]);
  const unit = `${service.name}.service`;
  const systemctl = (...args: string[]): string[] => ['systemctl', '--user', ...args];
  return {
    kind: 'systemd',
    file: posix.join(configHome, 'systemd', 'user', unit),
    text: unitText(service),
    install: [systemctl('daemon-reload'), systemctl('enable', '--now', unit)],
    stop: [systemctl('disable', '--now', unit)],
    afterRemoval: [systemctl('daemon-reload')],
    isActive: systemctl('is-active', unit),
    hints: ['It runs while you are logged in; to let it run always: loginctl enable-linger', `Its log: journalctl --user --unit ${unit}`],
  };
}

function unitText(service: ServiceDefinition): string {
  return `[Unit]
Description=${percent(service.description)}

[Service]
Type=exec
WorkingDirectory=${percent(service.workingFolder)}
${Object.entries(service.variables)
  .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`)
  .join('\n')}
ExecStart=${service.argv.map(argument).join(' ')}
Restart=on-failure
RestartSec=5
KillMode=mixed
TimeoutStopSec=${Math.ceil(service.stopMs / 1_000) + 10}

[Install]
WantedBy=default.target
`;
}

/** % begins a specifier in every value. */
function percent(text: string): string {
  return text.replaceAll('%', '%%');
}

function quoted(text: string): string {
  return `"${percent(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** On a command line $ begins a variable too, except in the program's own path. */
function argument(text: string, at: number): string {
  return quoted(at === 0 ? text : text.replaceAll('$', () => '$$'));
}
