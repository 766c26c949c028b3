// Owns the one sign and colour per state, the same in every view.
import type { Colors } from './text.ts';

const SIGNS: Readonly<Record<string, readonly [sign: string, color: keyof Pick<Colors, 'green' | 'red' | 'cyan' | 'yellow' | 'dim'>]>> = {
  completed: ['✓', 'green'],
  failed: ['✗', 'red'],
  running: ['●', 'cyan'],
  active: ['●', 'cyan'],
  waiting: ['◷', 'yellow'],
  paused: ['‖', 'yellow'],
  retry: ['↻', 'yellow'],
  skipped: ['–', 'dim'],
  cancelled: ['⊘', 'yellow'],
  expired: ['⊘', 'yellow'],
  pending: ['·', 'dim'],
  ready: ['·', 'dim'],
  fired: ['✓', 'green'],
  late: ['✓', 'yellow'],
  buffered: ['◷', 'yellow'],
  missed: ['✗', 'red'],
  deleted: ['⊘', 'yellow'],
};

export function sign(status: string, colors: Colors): string {
  const [text, color] = SIGNS[status] ?? ['·', 'dim'];
  return colors[color](text);
}

export function inStatusColor(status: string, text: string, colors: Colors): string {
  return colors[SIGNS[status]?.[1] ?? 'dim'](text);
}

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** A sign that turns while time goes on. */
export function spinner(now: number, colors: Colors): string {
  return colors.cyan(FRAMES[Math.floor(now / 100) % FRAMES.length] as string);
}

/** `share` in [0, 1]. */
export function bar(share: number, width: number, colors: Colors): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return colors.cyan('━'.repeat(full)) + colors.dim('─'.repeat(width - full));
}
