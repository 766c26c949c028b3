// Which command lines mean the plain server.
import { expect, it } from 'vitest';
import { stdioFlags } from '../../src/stdio-flags.ts';

it.each([
  [[], {}],
  [['stdio'], {}],
  [['--data-dir', '/d', 'stdio', '--store=in_memory'], { dataDir: '/d', store: 'in_memory' }],
  [['--config', 'c.yaml', '--namespace', 'n', '--log-level', 'debug'], { config: 'c.yaml', namespace: 'n', logLevel: 'debug' }],
  [['run', 'x.yaml'], undefined],
  [['--help'], undefined],
  [['--version'], undefined],
  [['stdio', '--help'], undefined],
  [['stdio', 'stdio'], undefined],
  [['--data-dir'], undefined],
  [['--data-dir', '--store', 'sqlite'], undefined],
  [['--data-dri', '/d'], undefined],
  [['--json'], undefined],
])('%j', (argv, flags) => {
  expect(stdioFlags(argv)).toEqual(flags);
});
