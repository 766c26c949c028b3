// Owns how one job looks on one line, while it goes on and at its end.
import { formatDuration } from '../../domain/duration.ts';
import type { Job } from '../../domain/job.ts';
import { bar, sign, spinner } from './symbols.ts';
import { type Colors, clip, fromNow, oneLine, widthOf } from './text.ts';

export function jobLine(job: Job, screen: { readonly now: number; readonly width: number; readonly colors: Colors }): string {
  const { colors: c, now, width } = screen;
  const head = `${job.status === 'running' ? spinner(now, c) : sign(job.status, c)} ${oneLine(job.name ?? job.task)}  `;
  const progress = job.status === 'running' && job.progress !== null ? `${bar(job.progress.share, 20, c)} ` : '';
  return `${head}${progress}${c.dim(clip(detail(job, now), width - widthOf(head) - widthOf(progress)))}`;
}

function detail(job: Job, now: number): string {
  const message = job.progress?.message ?? null;
  switch (job.status) {
    case 'pending':
      return job.runAt !== null && job.runAt > now ? `due ${fromNow(job.runAt, now)}` : 'pending';
    case 'running':
      return oneLine(
        `${job.startedAt === null ? '' : formatDuration(Math.floor((now - job.startedAt) / 1_000) * 1_000)}${message === null ? '' : `  ${message}`}`,
      );
    case 'retry':
      return oneLine(
        `attempt ${job.attempt} failed${job.error === null ? '' : ` (${job.error.code}: ${job.error.message})`}${job.runAt === null ? '' : `, next ${fromNow(job.runAt, now)}`}`,
      );
    case 'completed':
      return job.completedAt === null || job.startedAt === null ? 'completed' : formatDuration(job.completedAt - job.startedAt);
    default:
      return oneLine(job.error === null ? job.status : `${job.error.code}: ${job.error.message}`);
  }
}
