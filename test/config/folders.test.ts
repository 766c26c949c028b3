// Holds the user's folders to the layout that the env-paths package gives.
import { homedir } from 'node:os';
import envPaths from 'env-paths';
import { describe, expect, it } from 'vitest';
import { userFolders } from '../../src/config/folders.ts';
import { namespaceOf } from '../../src/config/workspace.ts';

describe('userFolders', () => {
  it('agrees with env-paths on this platform', () => {
    const { data, config } = envPaths('logistics-mcp', { suffix: '' });
    expect(userFolders({ env: process.env, homeDir: homedir(), platform: process.platform })).toEqual({ data, config });
  });

  it('knows the three platforms', () => {
    expect(userFolders({ env: { XDG_DATA_HOME: '/x', XDG_CONFIG_HOME: '/y' }, homeDir: '/h', platform: 'linux' })).toEqual({
      data: '/x/logistics-mcp',
      config: '/y/logistics-mcp',
    });
    expect(userFolders({ env: {}, homeDir: '/h', platform: 'darwin' })).toEqual({
      data: '/h/Library/Application Support/logistics-mcp',
      config: '/h/Library/Preferences/logistics-mcp',
    });
    expect(userFolders({ env: { LOCALAPPDATA: 'D:\\L' }, homeDir: 'C:\\u', platform: 'win32' })).toEqual({
      data: 'D:\\L\\logistics-mcp\\Data',
      config: 'C:\\u\\AppData\\Roaming\\logistics-mcp\\Config',
    });
  });
});

describe('namespaceOf', () => {
  it.each([
    ['/', /^root-[0-9a-f]{6}$/],
    ['/a/Ünï code!', /^n-code-[0-9a-f]{6}$/],
    [`/a/${'x'.repeat(200)}`, /^x{40}-[0-9a-f]{6}$/],
  ])('gives %s a readable name', (root, expected) => {
    expect(namespaceOf(root)).toMatch(expected);
  });
});
