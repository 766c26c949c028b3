// Owns the launchd agent: its place, its property list, and the launchctl commands.
import { posix } from 'node:path';
import { refuseControls, type ServiceDefinition, type ServiceManager } from './definition.ts';

export function launchdService(service: ServiceDefinition, p: { readonly homeDir: string; readonly uid: number; readonly logFile: string }): ServiceManager {
  refuseControls([...service.argv, service.workingFolder, p.logFile, ...Object.values(service.variables)]);
  const file = posix.join(p.homeDir, 'Library', 'LaunchAgents', `${service.name}.plist`);
  const domain = `gui/${p.uid}`;
  return {
    kind: 'launchd',
    file,
    text: plistText(service, p.logFile),
    install: [['launchctl', 'bootstrap', domain, file]],
    stop: [['launchctl', 'bootout', `${domain}/${service.name}`]],
    afterRemoval: [],
    isActive: ['launchctl', 'print', `${domain}/${service.name}`],
    hints: [`Its log: ${p.logFile}`],
  };
}

function plistText(service: ServiceDefinition, logFile: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${xml(service.name)}</string>
  <key>ProgramArguments</key>
  <array>
${service.argv.map((each) => `    <string>${xml(each)}</string>`).join('\n')}
  </array>
  <key>WorkingDirectory</key>
  <string>${xml(service.workingFolder)}</string>
  <key>EnvironmentVariables</key>
  <dict>
${Object.entries(service.variables)
  .map(([name, value]) => `    <key>${name}</key>\n    <string>${xml(value)}</string>`)
  .join('\n')}
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>${Math.ceil(service.stopMs / 1_000) + 10}</integer>
  <key>StandardErrorPath</key>
  <string>${xml(logFile)}</string>
</dict>
</plist>
`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');
}
