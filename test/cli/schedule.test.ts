// Owns the commands schedule and simulate: schedules by name, aligned tables, relative times, exit codes, the tools' data with --json.
import { describe, expect, it } from 'vitest';
import { cliFolder } from './cli-folder.ts';

const CRON = ['schedule', 'cron', '0 9 * * 1-5', '--timezone', 'Europe/Berlin', '--task', 'echo', '--input', 'value=1', '--name', 'report'];

describe('schedule', () => {
  it('cron says in words what was made, when it fires next and who fires it', async () => {
    const folder = cliFolder();
    const { code, stdout, stderr } = await folder.cli(CRON);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^● {2}report {2}active {2}sched_\w{26}\n {2}At 09:00 on Monday to Friday, Europe\/Berlin time\.\n/);
    expect(stdout).toContain('starts      task echo with {"value":1}');
    expect(stdout).toMatch(/next {8}\d{4}-\d\d-\d\d 09:00:00 \+0[12]:00 {2}in \d/);
    expect(stdout).toContain('policies    overlap skip, catchup policy one, window 1h, cap 100');
    expect(stdout).toContain('fired by    nobody');
    expect(stdout).toContain('→ logistics-mcp schedule ledger report');
    expect(stderr).toContain('nothing fires until one is');
  });

  it('every, at and rrule make schedules, too', async () => {
    const folder = cliFolder();
    const target = ['--task', 'echo', '--input', 'value=1'];
    expect(await folder.json(['schedule', 'every', '15m', ...target])).toMatchObject({ rule: { every: '15 minutes' }, name: 'echo' });
    expect(await folder.json(['schedule', 'every', 'month', '--on', 'last', '--at', '18:00', ...target])).toMatchObject({
      rule: { on: ['last'], at: ['18:00:00'] },
    });
    expect(await folder.json(['schedule', 'every', 'week', '--on', 'mon', 'thu', '--at', '09:00', ...target])).toMatchObject({ rule: { on: ['mon', 'thu'] } });
    expect(await folder.json(['schedule', 'at', '10m', ...target])).toMatchObject({ rule: { kind: 'once' } });
    expect(await folder.json(['schedule', 'at', '2099-12-01T09:00', '--timezone', 'Europe/Berlin', ...target])).toMatchObject({
      rule: { at: '2099-12-01T09:00:00+01:00' },
    });
    expect(await folder.json(['schedule', 'rrule', 'FREQ=WEEKLY;BYDAY=MO', ...target])).toMatchObject({
      rule: { on: ['mon'] },
      name: expect.stringMatching(/^echo-\w{6}$/),
    });
    expect(await folder.json(['schedule', 'cron', '0 9 * * 0', '--monday-zero', ...target])).toMatchObject({ rule: { expression: '0 9 * * 1' } });
  });

  it('every flag reaches the schedule', async () => {
    const folder = cliFolder();
    const flags = [
      ...['--queue', 'mail', '--priority', 'high', '--retry', '5', '--timeout', '1m', '--requires', 'echo'],
      ...['--overlap', 'buffer_one', '--catchup', 'all', '--catchup-window', '2h', '--catchup-cap', '7', '--jitter', '30s'],
      ...['--start', '2099-01-01', '--end', '2099-12-31', '--max-runs', '3', '--exclude', '2099-12-25', '2099-07-01..2099-07-14'],
      ...['--pause-on-failure', '2', '--when', 'schedule.runNumber < 10', '--gap', 'skip', '--fold', 'both', '--idempotency-key', 'k'],
    ];
    const made = await folder.json([...CRON, ...flags]);
    expect(made).toMatchObject({
      rule: { gap: 'skip', fold: 'both' },
      target: { task: 'echo', queue: 'mail', priority: 75, timeout: '1m', requires: ['echo'], retry: { maxAttempts: 5 } },
      start_at: '2099-01-01T00:00:00+01:00',
      end_at: '2099-12-31T00:00:00+01:00',
      max_runs: 3,
      exclude: ['2099-12-25', { from: '2099-07-01', to: '2099-07-14' }],
      policies: { overlap: 'buffer_one', catchup: { policy: 'all', window: '2h', cap: 7 }, jitter: '30s', pause_on_failure: 2 },
      when: '${{ schedule.runNumber < 10 }}',
    });
    expect(await folder.json([...CRON, ...flags])).toMatchObject({ schedule_id: made.schedule_id, replayed: true });
  });

  it('--dry-run stores nothing', async () => {
    const folder = cliFolder();
    expect(await folder.cli([...CRON, '--dry-run'])).toMatchObject({ code: 0, stdout: expect.stringContaining('preview') });
    expect(await folder.json(['schedule', 'list'])).toMatchObject({ count: 0 });
  });

  it('lists as an aligned table, and an empty list teaches', async () => {
    const folder = cliFolder();
    expect((await folder.cli(['schedule', 'list'])).stdout).toMatch(/^There are no schedules\.\n {2}→ logistics-mcp schedule cron/);
    await folder.cli(CRON);
    const { stdout } = await folder.cli(['list', 'schedules'], { columns: 160, env: { NO_COLOR: '1' } });
    expect(stdout).toMatch(
      /^name {4}status {4}rule {9}zone {11}starts {5}next +runs {2}id\nreport {2}● active {2}0 9 \* \* 1-5 {2}Europe\/Berlin {2}task echo {2}in /,
    );
    expect((await folder.cli(['status'])).stdout).toMatch(/schedules {4}1 active; next report in /);
  });

  it('acts by name, and the ledger shows what became of it', async () => {
    const folder = cliFolder();
    const { schedule_id: id } = await folder.json(CRON);
    expect(await folder.cli(['schedule', 'trigger', 'report', '--input', '{"value": 2}'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^✓ trigger {2}fired {2}job_/),
    });
    expect((await folder.cli(['schedule', 'ledger', 'report'])).stdout).toMatch(/^planned .* why\n\d{4}-\S+ \S+ \S+ {2}fired {3}job_\w+ {2}trigger\n$/);
    expect((await folder.cli(['schedule', 'pause', 'report', '--reason', 'maintenance'])).stdout).toContain('‖ pause  paused');
    expect((await folder.cli(['schedule', 'get', 'report'])).stdout).toMatch(/‖ {2}report {2}paused[\s\S]*maintenance[\s\S]*none while it is paused/);
    expect((await folder.cli(['schedule', 'explain', 'report'])).stdout).toContain('allowed now: resume');
    expect(await folder.json(['schedule', 'resume', 'report'])).toMatchObject({ schedule_id: id, status: 'active' });
    expect(await folder.json(['schedule', 'backfill', 'report', '--from', '2026-01-05', '--to', '2026-01-07'])).toMatchObject({ planned: 2 });
    expect((await folder.cli(['schedule', 'backfill', 'report', '--from', '2026-01-05', '--to', '2026-01-08'])).stdout).toMatch(
      /^backfill {2}sched_\w+\n[\s\S]* {2}3 planned, \d started now, \d waiting, 2 backfilled before\n/,
    );
    expect(await folder.json(['schedule', 'update', 'report', '{"expression": "0 8 * * *"}'])).toMatchObject({ rule: { expression: '0 8 * * *' } });
    expect((await folder.cli(['schedule', 'preview', 'report', '--count', '3'])).stdout.trim().split('\n')).toHaveLength(3);
    expect(await folder.json(['schedule', 'delete', 'report'])).toMatchObject({ status: 'deleted' });
    expect(await folder.json(['schedule', 'list'])).toMatchObject({ count: 0 });
  });

  it('mistakes end with 2, name the flag and what is near', async () => {
    const folder = cliFolder();
    const wrong = async (args: readonly string[]): Promise<string> => {
      const { code, stderr } = await folder.cli(['schedule', ...args]);
      expect(code).toBe(2);
      return stderr;
    };
    await folder.cli(CRON);
    expect(await wrong(['cron', '0 25 * * *', '--task', 'echo'])).toMatch(/hour field holds 25[\s\S]*<expression>[\s\S]*hour: 0-23/);
    expect(await wrong(['cron', '0 9 * * *', '--timezone', 'Europe/Berln', '--task', 'echo'])).toMatch(/--timezone[\s\S]*did you mean Europe\/Berlin/);
    expect(await wrong(['cron', '0 9 * * *', '--task', 'eco'])).toMatch(/--task[\s\S]*did you mean echo/);
    expect(await wrong(['cron', '0 9 * * *', '--workflow', 'none'])).toMatch(/no workflow none[\s\S]*--workflow/);
    expect(await wrong(['every', '0s', '--task', 'echo'])).toContain('<interval>');
    expect(await wrong(['at', '2020-01-01T00:00:00Z', '--task', 'echo'])).toMatch(/has passed[\s\S]*<moment>/);
    expect(await wrong(['get', 'reprot'])).toMatch(/no schedule reprot[\s\S]*did you mean report/);
    expect(await wrong(['preview', 'report', '--count', '0'])).toContain('--count');
    expect(await wrong(['crn'])).toMatch(/no command schedule crn[\s\S]*did you mean cron/);
    expect(await wrong(['cron', '0 9 * * *', '--tmiezone', 'UTC'])).toMatch(/schedule cron has no flag[\s\S]*did you mean --timezone/);
  });

  it('help of every verb has an example', async () => {
    const folder = cliFolder();
    for (const verb of [
      'cron',
      'every',
      'at',
      'rrule',
      'list',
      'get',
      'explain',
      'ledger',
      'preview',
      'pause',
      'resume',
      'trigger',
      'backfill',
      'update',
      'delete',
    ])
      expect((await folder.cli(['schedule', verb, '--help'])).stdout).toMatch(new RegExp(`Examples:\\n {2}\\$ logistics-mcp schedule ${verb} `));
  });
});

describe('simulate', () => {
  const RANGE = ['--from', '2026-12-01', '--to', '2026-12-02'];

  it('draws a new schedule and lists its fires', async () => {
    const folder = cliFolder();
    const { code, stdout } = await folder.cli([
      'simulate',
      '--cron',
      '0 * * * *',
      ...RANGE,
      '--run-duration',
      '90m',
      '--outage',
      '2026-12-01T05:10..2026-12-01T09:10',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^planned \|[\s\S]*outage +~+[\s\S]*10 fired, 11 skipped_overlap, 3 missed, 1 late[\s\S]*2026-12-01 09:00:00 \+00:00 {2}late/);
  });

  it('takes a stored one by name', async () => {
    const folder = cliFolder();
    await folder.cli(CRON);
    expect(await folder.json(['simulate', 'report', ...RANGE])).toMatchObject({ counts: { fired: 1 } });
    expect(await folder.cli(['simulate', 'reprot', ...RANGE])).toMatchObject({ code: 2 });
    expect(await folder.cli(['simulate', ...RANGE])).toMatchObject({ code: 2, stderr: expect.stringContaining('not said when it fires') });
  });
});
