// Owns `run`: exit codes, what is printed in a pipe, on a terminal and as JSON, and what Ctrl-C and --timeout do.
import { describe, expect, it } from 'vitest';
import { interruptible } from '../../src/cli/interrupt.ts';
import { cliFolder, FAULTY, FLOW, SLEEPY } from './cli-folder.ts';

describe('run', () => {
  it('in a pipe prints one line per event, then the output; exit 0', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { code, stdout, stderr } = await folder.cli(['run', 'notes.yaml', '--input', 'repo=acme/site', 'days=2']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').map((line) => line.replace(/^ *\+[\d.]+m?s {2}/, '').replace(/ {2}\d+ms$/, ''));
    expect(lines).toEqual(
      expect.arrayContaining(['workflow started    notes', 'step started        fetch', 'step completed      fetch', 'step completed      report']),
    );
    expect(stdout).toMatch(/✓ completed in \S+ {2}exec_\w{26}\n\nOutput\n {2}\{\n {4}"repo": "acme\/site",\n {4}"items": \[\n {6}2,\n {6}4,\n {6}6/);
    expect(stdout).not.toContain('\u001b');
  });

  it('with --json prints one value and nothing else', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { code, stdout, stderr } = await folder.cli(['run', 'notes.yaml', '--input', 'repo=7', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // The schema says text, so 7 stays text; days has a default.
    expect(JSON.parse(stdout)).toMatchObject({
      execution_id: expect.stringMatching(/^exec_/),
      workflow: 'notes',
      status: 'completed',
      output: { repo: '7', items: [7, 14, 21] },
      error: null,
      artifacts: [],
    });
  });

  it('on a terminal draws over its lines and leaves the last frame', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { code, stdout } = await folder.cli(['run', 'notes.yaml', '--input', 'repo=a'], { columns: 90, env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    const frame = stdout.slice(stdout.lastIndexOf('notes v'));
    expect(frame).toMatch(/✓ fetch +\S+[\s\S]*✓ each +\S+, 3 items[\s\S]*✓ report[\s\S]*━{28} {2}3\/3 steps/);
    expect(frame).toMatch(/✓ completed in/);
  });

  it('TERM=dumb gets plain lines', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    const { stdout } = await folder.cli(['run', 'notes.yaml', '--input', 'repo=a'], { columns: 90, env: { TERM: 'dumb' } });
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('step completed');
  });

  it('runs a stored workflow by name, with input from a file and pairs on top', async () => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    folder.write('input.yaml', 'repo: from-file\ndays: 3\n');
    await folder.cli(['import', 'notes.yaml']);
    expect(await folder.json(['run', 'notes', '--input-file', 'input.yaml', '--input', 'days=5'])).toMatchObject({
      output: { repo: 'from-file', items: [5, 10, 15] },
    });
  });

  it('names a definition after its file', async () => {
    const folder = cliFolder();
    folder.write('my flow.yaml', 'steps:\n  - {id: a, task: echo, with: {value: 1}}\n');
    expect(await folder.json(['run', 'my flow.yaml'])).toMatchObject({ workflow: 'my-flow', status: 'completed' });
  });

  it('a failed run ends with 1, its error and what to do', async () => {
    const folder = cliFolder();
    folder.write(
      'bad.yaml',
      'name: bad\nsteps:\n  - {id: a, task: code.run, retry: 1, with: {code: "throw new Error(\\"boom\\")"}}\n  - {id: b, needs: [a], task: echo, with: {value: 1}}\n',
    );
    const { code, stdout } = await folder.cli(['run', 'bad.yaml']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/step failed {9}a[\s\S]*step skipped {8}b[\s\S]*✗ failed in[\s\S]*boom[\s\S]*→ logistics-mcp get exec_\w+ --view explain/);
  });

  it.each([
    [['run', 'faulty.yaml'], /invalid_definition: faulty.yaml has 2 faults[\s\S]*did you mean fetch\?[\s\S]*→ Correct faulty.yaml/],
    [['run', 'notes.yaml'], /invalid_input[\s\S]*input\.repo/],
    [['run', 'notes.yaml', '--input', 'repo=a', 'days=many'], /invalid_input[\s\S]*input\.days/],
    [['run', '--input', 'a=1', 'notes.yaml'], /notes\.yaml|Missing required argument/],
    [['run', 'notes.yaml', '--input', 'repo'], /"repo" is no input[\s\S]*key=value/],
    [['run', 'notes.yaml', '--input-file', 'none.json'], /not_found[\s\S]*none\.json/],
    [['run', 'notes.yaml', '--input', 'repo=a', '--priority', 'urgent'], /"urgent" is no priority/],
    [['run', 'note.yaml'], /There is no file note\.yaml[\s\S]*did you mean notes\.yaml\?/],
  ])('%j ends with 2', async (args, message) => {
    const folder = cliFolder();
    folder.write('notes.yaml', FLOW);
    folder.write('faulty.yaml', FAULTY);
    const { code, stderr, stdout } = await folder.cli(args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('--timeout cancels the run and ends with 1', async () => {
    const folder = cliFolder();
    folder.write('sleepy.yaml', SLEEPY);
    const { code, stdout } = await folder.cli(['run', 'sleepy.yaml', '--timeout', '50ms']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/⊘ cancelled[\s\S]*It ran longer than --timeout/);
  });

  it('--timeout with --detach leaves it', async () => {
    const folder = cliFolder();
    folder.write('sleepy.yaml', SLEEPY);
    const { code, stdout } = await folder.cli(['run', 'sleepy.yaml', '--timeout', '50ms', '--detach']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/Left exec_\w+ waiting; it goes on when a process runs[\s\S]*logistics-mcp watch exec_/);
    expect(await folder.json(['list', 'executions', '--status', 'waiting'])).toMatchObject({ count: 1 });
  });
});

describe('Ctrl-C', () => {
  it('cancels the run; exit 130', async () => {
    const folder = cliFolder();
    folder.write('sleepy.yaml', SLEEPY);
    const run = folder.start(['run', 'sleepy.yaml']);
    await run.seen('workflow waiting');
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('Cancelling; Ctrl-C again');
    expect(stdout).toMatch(/⊘ cancelled[\s\S]*Cancelled with Ctrl-C/);
    expect(await folder.json(['list', 'executions'])).toMatchObject({ items: [{ status: 'cancelled' }] });
  });

  it('with --detach leaves the run; exit 130', async () => {
    const folder = cliFolder();
    folder.write('sleepy.yaml', SLEEPY);
    const run = folder.start(['run', 'sleepy.yaml', '--detach']);
    await run.seen('workflow waiting');
    run.child.kill('SIGINT');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toContain('it goes on when a process runs');
    expect(await folder.json(['list', 'executions'])).toMatchObject({ items: [{ status: 'waiting' }] });
  });

  it('leaves a watched run alone', async () => {
    const folder = cliFolder();
    folder.write('sleepy.yaml', SLEEPY);
    const { execution_id: id } = await folder.json(['run', 'sleepy.yaml', '--timeout', '10ms', '--detach']);
    const watch = folder.start(['watch', String(id)]);
    await watch.seen('workflow waiting');
    watch.child.kill('SIGINT');
    expect((await watch.ended).code).toBe(130);
    expect(await folder.json(['get', String(id)])).toMatchObject({ status: 'waiting' });
  });

  it('a second one ends the process at once', async () => {
    const handlers: (() => void)[] = [];
    const exits: number[] = [];
    let first = 0;
    const onInterrupt = (handler: () => void): (() => void) => {
      handlers.push(handler);
      return () => void handlers.pop();
    };
    const io = { onInterrupt, exit: (code: number) => exits.push(code) } as never;
    const result = interruptible(
      io,
      () => {
        first += 1;
      },
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => setImmediate(() => resolve('ended')))),
    );
    handlers[0]?.();
    expect({ first, exits }).toEqual({ first: 1, exits: [] });
    handlers[0]?.();
    expect({ first, exits }).toEqual({ first: 1, exits: [130] });
    expect(await result).toBe('ended');
    expect(handlers).toEqual([]);
  });
});
