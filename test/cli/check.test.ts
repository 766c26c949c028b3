// Owns the commands that look before anything runs: validate, plan, import, trust and doctor.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkClock, checkNode } from '../../src/cli/doctor/machine.ts';
import { cliFolder, FAULTY, FLOW, hasStore } from './cli-folder.ts';

const LEGACY = JSON.stringify({
  name: 'Code Quality',
  steps: [
    { name: 'analyze', module: 'static_analysis', action: 'analyze', parameters: { value: '{{folder}}' }, dependencies: [], timeout: 60 },
    { name: 'say it', module: 'static_analysis', action: 'analyze', parameters: { value: '{{analyze.output}}' } },
  ],
});
const GUARDED = `
taskAliases: {static_analysis.analyze: echo}
shell: {allow: [{argv: [git, log, "*"]}]}
http: {allowAddresses: [127.0.0.1]}
mcpServers: {gh: {command: npx, args: [-y, gh-mcp]}, web: {url: "https://example.org/mcp", headers: {Authorization: "Bearer hidden"}}}
handlers: ./handlers.mjs
secrets: {TOKEN: {tasks: [http.request], hosts: [api.example.org]}}
`;

describe('validate', () => {
  it('is quiet about a valid file and makes no store', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    expect(await folder.cli(['validate', 'notes.yaml'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^✓ notes is valid {2}3 steps, [0-9a-f]{12}\n$/),
      stderr: '',
    });
    expect(hasStore(folder)).toBe(false);
  });

  it('tells all faults with their paths; exit 2', async () => {
    const folder = cliFolder();
    folder.write('faulty.yaml', FAULTY);
    const { code, stdout } = await folder.cli(['validate', 'faulty.yaml']);
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /✗ faulty\.yaml has 2 faults[\s\S]*steps\[1\]\.needs\[0\][\s\S]*did you mean fetch\?[\s\S]*steps\[0\]\.task[\s\S]*did you mean echo\?/,
    );
    expect(await folder.json(['validate', 'faulty.yaml'])).toMatchObject({
      valid: false,
      name: null,
      faults: [{ path: 'steps[1].needs[0]' }, { path: 'steps[0].task' }],
    });
  });

  it('names the place of a syntax error, and refuses what is no text', async () => {
    const folder = cliFolder();
    folder.write('broken.yaml', 'name: x\nsteps: [\n');
    writeFileSync(folder.write('binary.yaml', ''), Uint8Array.of(0xff, 0xfe, 0x00));
    expect((await folder.cli(['validate', 'broken.yaml'])).stdout).toMatch(/line \d+, column \d+/);
    expect((await folder.cli(['validate', 'binary.yaml'])).stderr).toContain('not UTF-8');
  });
});

describe('plan', () => {
  it('shows levels, the longest chain and what it has', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { code, stdout } = await folder.cli(['plan', 'notes.yaml']);
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(2, 9)).toEqual([
      '   1  fetch   echo',
      '   2  each    echo  × each item  needs fetch',
      '   3  report  log   needs each',
      '',
      '  longest chain  3 steps  fetch → each → report',
      '  widest level   1 step at once',
      '  has            1 step that runs per item',
    ]);
    expect(await folder.json(['plan', 'notes.yaml'])).toMatchObject({
      name: 'notes',
      steps: 3,
      edges: 2,
      widest_level: 1,
      for_each: 1,
      longest_chain: ['fetch', 'each', 'report'],
    });
    expect(hasStore(folder)).toBe(false);
  });

  it('predicts how long it takes, for a file and a stored name, and what more slots would bring', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const asked = ['--slots', '1', '--duration', 'echo=10s', 'report=1s', '--items', 'each=4', '--what-if-slots', '4'];
    const { code, stdout } = await folder.cli(['plan', 'notes.yaml', ...asked]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {2}makespan +51s[\s\S]*critical path +fetch → each → report[\s\S]*what if +21s[\s\S]*saves 30s[\s\S]*each ×4 ·+█+·* 10s–50s/);
    await folder.cli(['import', 'notes.yaml']);
    expect(await folder.json(['plan', 'notes', ...asked])).toMatchObject({ forecast: { makespan_ms: 51_000, bottleneck: { kind: 'slots' } } });
    expect((await folder.cli(['plan', 'notes', '--gantt', 'mermaid'])).stdout).toMatch(/^gantt\n/);
    expect((await folder.cli(['plan', 'notes', '--gantt', 'json'])).stdout).toMatch(/^\[\n/);
    const both = await folder.cli(['plan', 'notes', '--workers', 'big=2@3', 'small=1@1', '--objective', 'cost', '--gantt']);
    expect(both).toMatchObject({ code: 0, stdout: expect.stringMatching(/makespan +5s/) });
    expect(await folder.cli(['plan', 'notes', '--workers', 'big=fast'])).toMatchObject({ code: 2, stderr: expect.stringContaining('workers[0].speed') });
    expect(await folder.cli(['plan', 'notes', '--slots', 'many'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--slots') });
    expect(await folder.cli(['plan', 'notes', '--items', 'ech=2'])).toMatchObject({ code: 2, stderr: expect.stringContaining('each') });
  });

  it('draws it as Mermaid, for a stored name too', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    await folder.cli(['import', 'notes.yaml']);
    expect((await folder.cli(['plan', 'notes', '--mermaid'])).stdout).toMatch(/^flowchart TD\n[\s\S]*s0 --> s1/);
    expect(await folder.json(['plan', 'notes', '--mermaid'])).toMatchObject({ mermaid: expect.stringContaining('flowchart TD') });
  });

  it('compares the folder of definitions with what is stored', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.yaml', 'workflowsDir: flows\n');
    folder.write('flows/notes.yaml', FLOW);
    folder.write('flows/same.yaml', FLOW.replace('name: notes', 'name: same'));
    folder.write('flows/new.yaml', FLOW.replace('name: notes', 'name: fresh'));
    folder.write('gone.yaml', FLOW.replace('name: notes', 'name: gone'));
    await folder.cli(['import', 'flows/notes.yaml', 'flows/same.yaml', 'gone.yaml']);
    folder.write('flows/notes.yaml', FLOW.replace('message: done', 'message: changed').replace('default: 7', 'default: 8'));
    const { code, stdout } = await folder.cli(['plan']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\+ fresh {2}new, becomes v1[\s\S]*~ notes {2}v1 → v2[\s\S]*~ steps report\n {6}~ input[\s\S]*= same {2}v1[\s\S]*· gone {2}stored only, no file[\s\S]*3 files: 1 new, 1 changed, 1 unchanged/,
    );
    folder.write('flows/faulty.yaml', FAULTY);
    expect(await folder.cli(['plan', 'flows'])).toMatchObject({ code: 2, stdout: expect.stringContaining('1 invalid') });
    expect(await folder.json(['plan', 'flows'])).toMatchObject({
      only_stored: ['gone'],
      files: expect.arrayContaining([expect.objectContaining({ name: 'notes', state: 'changed', changed_fields: ['input'] })]),
    });
  });
});

describe('import', () => {
  it('reads codomyrmex files, says what it changed, and stores a version once', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.yaml', 'taskAliases: {static_analysis.analyze: echo}\n');
    folder.write('quality.json', LEGACY);
    const first = await folder.cli(['import', 'quality.json']);
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /✓ quality\.json {2}Code_Quality v1, 2 steps[\s\S]*became the id say_it[\s\S]*Added analyze[\s\S]*1 workflow stored\n {2}→ logistics-mcp run Code_Quality/,
      ),
    });
    expect((await folder.cli(['import', 'quality.json'])).stdout).toMatch(
      /= quality\.json {2}Code_Quality v1 was there already[\s\S]*0 workflows stored, 1 unchanged/,
    );
    expect(await folder.json(['run', 'Code_Quality', '--input', 'folder=src'])).toMatchObject({ status: 'completed' });
  });

  it('judges each file for itself: good ones are stored, exit 2 for the others', async () => {
    const folder = cliFolder();
    folder.write('quality.json', LEGACY);
    folder.write('notes.yaml', FLOW);
    const { code, stdout } = await folder.cli(['import', 'quality.json', 'notes.yaml', 'missing.json']);
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /✗ quality\.json[\s\S]*static_analysis\.analyze[\s\S]*✓ notes\.yaml[\s\S]*✗ missing\.json[\s\S]*1 workflow stored, 2 files not[\s\S]*taskAliases/,
    );
    expect(await folder.json(['list', 'workflows'])).toMatchObject({ items: [{ name: 'notes' }] });
  });

  it('--dry-run stores nothing', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    expect(await folder.json(['import', 'notes.yaml', '--dry-run'])).toMatchObject({
      dry_run: true,
      imported: 1,
      invalid: 0,
      files: [{ state: 'valid', name: 'notes' }],
    });
    expect(hasStore(folder)).toBe(false);
  });
});

describe('trust', () => {
  it('shows what would be allowed, without values of headers, then records it; a change ends it', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.yaml', GUARDED);
    folder.write('handlers.mjs', 'export default [];\n');
    const before = await folder.cli(['status']);
    expect(before.stderr).toMatch(
      /^warning: mcpServers, handlers, shell, http, secrets in .*logistics\.config\.yaml do not act: [\s\S]*→ Review the file, then run: logistics-mcp trust/,
    );
    const dry = await folder.cli(['trust', 'logistics.config.yaml', '--dry-run']);
    expect(dry.stdout).toMatch(
      /runs git log \*[\s\S]*gh: starts npx -y gh-mcp[\s\S]*web: reaches https:\/\/example\.org\/mcp[\s\S]*runs the code of \.\/handlers\.mjs[\s\S]*reaches 127\.0\.0\.1[\s\S]*TOKEN: to http\.request at api\.example\.org[\s\S]*Nothing was recorded/,
    );
    expect(dry.stdout).not.toContain('hidden');
    expect((await folder.cli(['status'])).stderr).toContain('do not act');
    expect(await folder.cli(['trust', 'logistics.config.yaml'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/✓ Trusted as it is now: 2 files[\s\S]*covers .*handlers\.mjs/),
    });
    expect((await folder.cli(['status'])).stderr).toBe('');
    folder.write('logistics.config.yaml', `${GUARDED}\nconcurrency: 4\n`);
    expect((await folder.cli(['status'])).stderr).toContain('has changed since it was trusted');
  });

  it('does not run a .mjs file to show it', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.mjs', 'globalThis.ranByMistake = true;\nexport default {concurrency: 2};\n');
    expect((await folder.cli(['trust', 'logistics.config.mjs', '--dry-run'])).stdout).toMatch(/It is a program/);
    expect(Object.hasOwn(globalThis, 'ranByMistake')).toBe(false);
  });

  it('refuses a faulty file', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.yaml', 'concurency: 4\n');
    expect(await folder.cli(['trust', 'logistics.config.yaml'])).toMatchObject({ code: 2, stderr: expect.stringContaining('concurrency') });
  });

  it('says that a harmless file needs none', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.yaml', 'concurrency: 4\n');
    expect((await folder.cli(['trust', 'logistics.config.yaml'])).stdout).toContain('nothing that needs trust');
  });
});

describe('doctor', () => {
  it('all is well on a new machine, and it makes no store', async () => {
    const folder = cliFolder();
    const { code, stdout } = await folder.cli(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/✓ node[\s\S]*✓ sqlite[\s\S]*✓ data folder[\s\S]*made at the first use[\s\S]*✓ clock[\s\S]*All is well\./);
    expect(hasStore(folder)).toBe(false);
  });

  it('checks a store that is there', async () => {
    const folder = cliFolder();
    await folder.cli(['enqueue', 'echo', '{"value": 1}']);
    const { checks, healthy } = await folder.json(['doctor']);
    expect(healthy).toBe(true);
    expect((checks as { name: string; state: string }[]).map(({ name, state }) => `${state} ${name}`)).toEqual(
      ['node', 'sqlite', 'config', 'namespace', 'data folder', 'disk', 'integrity', 'locks', 'store', 'durability', 'processes', 'clock'].map(
        (name) => `ok ${name}`,
      ),
    );
  });

  it('names a folder that others may read, a lock of a dead process, and weaker durability', async () => {
    const folder = cliFolder();
    await folder.cli(['enqueue', 'echo', '{"value": 1}']);
    chmodSync(folder.data, 0o755);
    writeFileSync(join(folder.data, 'locks', '999999999-x.lock'), '');
    const { code, stdout } = await folder.cli(['doctor'], { env: { LOGISTICS_DURABILITY: 'normal' } });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /! data folder .*mode 0755\)\n +→ Run: chmod 700[\s\S]*! locks +1 lock of dead processes[\s\S]*! durability[\s\S]*Works, with 3 warnings\./,
    );
  });

  it('looks at webhooks and notifications: a secret without a value, one that may not go there, a program that is not there', async () => {
    const folder = cliFolder();
    const file = folder.write(
      'own.yaml',
      `
secrets:
  ERP: {tasks: [webhook.deliver], hosts: [erp.example.org]}
webhooks:
  - {name: erp, url: 'https://erp.example.org/in?token=hidden', events: ['*'], secret: ERP}
  - {name: far, url: 'https://far.example.org/in', events: [job_failed], secret: ERP}
  - {name: open, url: 'https://open.example.org/in', events: [job_failed]}
notify:
  - {name: desk, command: [no-such-program-anywhere]}
`,
    );
    const env = { LOGISTICS_SECRET_ERP: 'a-long-enough-secret' };
    const { code, stdout } = await folder.cli(['doctor', '--config', file], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✓ webhook erp +erp\.example\.org, signed with ERP\n/);
    expect(stdout).toMatch(/✗ webhook far +The secret ERP may not go to far\.example\.org\.\n +→ Add far\.example\.org to secrets\.ERP\.hosts/);
    expect(stdout).toMatch(/✓ webhook open +open\.example\.org, not signed/);
    expect(stdout).toMatch(/✗ notify desk +The program "no-such-program-anywhere" is not installed/);
    expect(stdout).not.toMatch(/hidden|a-long-enough/);
    expect((await folder.cli(['doctor', '--config', file])).stdout).toMatch(/✗ webhook erp .*holds no value/);
  });

  it('looks at hooks: a secret without a value, a short one, a wrong expression, a workflow that is not there; status lists them', async () => {
    const folder = cliFolder();
    const hook = (name: string, secret: string, more = ''): string =>
      `  - {name: ${name}, secret: ${secret}, signature: github, start: {workflow: build}${more}}\n`;
    const bound = '{tasks: [hook.verify]}';
    const text = `secrets: {GOOD: ${bound}, SHORT: ${bound}, GONE: ${bound}}\nhooks:\n`;
    const hooks = hook('push', 'GOOD') + hook('weak', 'SHORT') + hook('gone', 'GONE');
    const file = folder.write('own.yaml', `${text}${hooks}${hook('odd', 'GOOD', ", when: '${{ boddy.x }}'")}`);
    const env = { LOGISTICS_SECRET_GOOD: 'a-long-enough-secret', LOGISTICS_SECRET_SHORT: 'short-one' };
    await folder.cli(['enqueue', 'echo', '{"value": 1}']);
    const { code, stdout } = await folder.cli(['doctor', '--config', file], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✓ hook push +github, signed with GOOD\n/);
    expect(stdout).toMatch(/! hook weak [\s\S]*shorter than 16 bytes/);
    expect(stdout).toMatch(/✗ hook gone .*holds no value/);
    expect(stdout).toMatch(/✗ hook odd .*boddy/);
    expect(stdout).toMatch(/hook push workflow +There is no workflow build/);
    expect(stdout).not.toMatch(/a-long-enough|short-one/);
    expect((await folder.cli(['status', '--config', file], { env })).stdout).toMatch(/Hooks\n[\s\S]*push +start build/);
  });

  it('a damaged store fails and is left as it is', async () => {
    const folder = cliFolder();
    mkdirSync(folder.data, { mode: 0o700 });
    writeFileSync(join(folder.data, 'logistics.db'), 'this is no database, and it is long enough to be read as one');
    const { code, stdout } = await folder.cli(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ integrity[\s\S]*→ Stop all processes[\s\S]*1 check failed\./);
  });

  it('a data folder that is a file fails', async () => {
    const folder = cliFolder();
    const file = folder.write('file', 'x');
    expect(await folder.cli(['doctor', '--data-dir', file])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/✗ data folder +.*is no folder\n +→ Choose another/),
    });
  });

  it('a wrong configuration fails, and an unknown variable is a warning', async () => {
    const folder = cliFolder();
    expect(await folder.cli(['doctor'], { env: { LOGISTICS_CONCURRENCY: 'many' } })).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ config/) });
    expect(await folder.cli(['doctor'], { env: { LOGISTICS_DURABILTY: 'full' } })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/! unknown variable .*LOGISTICS_DURABILTY[\s\S]*LOGISTICS_DURABILITY/),
    });
  });

  it('says what is untrusted', async () => {
    const folder = cliFolder();
    folder.write('logistics.config.yaml', GUARDED);
    expect((await folder.cli(['doctor'])).stdout).toMatch(
      /! trust .*not trusted; without effect: mcpServers, handlers, shell, http, secrets\n +→ Review it, then run: logistics-mcp trust/,
    );
  });

  it('judges versions of Node and clocks', () => {
    expect(checkNode('22.18.9').state).toBe('fail');
    expect(checkNode('22.19.0').state).toBe('ok');
    expect(checkNode('24.0.0').state).toBe('ok');
    const now = Date.UTC(2026, 10, 22);
    expect(checkClock(now, now - 5).state).toBe('ok');
    expect(checkClock(now, now + 600_000)).toMatchObject({ state: 'warn', detail: 'the newest entry of the store lies 10 min in the future' });
    expect(checkClock(0, null).state).toBe('fail');
  });
});
