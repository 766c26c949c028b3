// Owns where this program keeps things for a user: the data and config folders of the platform.
import { posix, win32 } from 'node:path';

export interface UserFolders {
  readonly data: string;
  readonly config: string;
}

export interface FolderContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  readonly platform: NodeJS.Platform;
}

const NAME = 'logistics-mcp';

/** The folders of the env-paths package (no suffix), computed from what is given instead of from globals. */
export function userFolders({ env, homeDir, platform }: FolderContext): UserFolders {
  if (platform === 'darwin') {
    const library = posix.join(homeDir, 'Library');
    return { data: posix.join(library, 'Application Support', NAME), config: posix.join(library, 'Preferences', NAME) };
  }
  if (platform === 'win32') {
    const roaming = env.APPDATA || win32.join(homeDir, 'AppData', 'Roaming');
    const local = env.LOCALAPPDATA || win32.join(homeDir, 'AppData', 'Local');
    return { data: win32.join(local, NAME, 'Data'), config: win32.join(roaming, NAME, 'Config') };
  }
  return {
    data: posix.join(env.XDG_DATA_HOME || posix.join(homeDir, '.local', 'share'), NAME),
    config: posix.join(env.XDG_CONFIG_HOME || posix.join(homeDir, '.config'), NAME),
  };
}
