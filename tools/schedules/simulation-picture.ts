// Owns the picture of a simulation: one line for planned times, one for runs, one for outages, over the same stretch of time.
import type { OccurrenceStatus } from '../../src/domain/schedule.ts';
import type { Simulated } from '../../src/schedule/schedule-replies.ts';

const WIDTH = 72;

/** One sign per status; where several share a place, the one that tells most is drawn. */
const SIGNS: Readonly<Record<OccurrenceStatus, readonly [sign: string, rank: number]>> = {
  planned: ['|', 0],
  fired: ['|', 0],
  late: ['L', 3],
  buffered: ['b', 2],
  coalesced: ['c', 4],
  skipped_overlap: ['o', 5],
  skipped_paused: ['p', 5],
  skipped_condition: ['w', 5],
  skipped_limit: ['#', 5],
  missed: ['x', 6],
  failed: ['!', 7],
};

export function simulationPicture(
  fires: Simulated['fires'],
  range: { readonly from: number; readonly to: number; readonly outages: readonly { readonly from: number; readonly to: number }[] },
): string[] {
  const place = (at: number): number => Math.min(WIDTH - 1, Math.max(0, Math.floor(((at - range.from) / (range.to - range.from)) * WIDTH)));
  const planned = new Array<string>(WIDTH).fill('.');
  const ranks = new Array<number>(WIDTH).fill(-1);
  const runs = new Array<string>(WIDTH).fill(' ');
  const down = new Array<string>(WIDTH).fill(' ');
  const used = new Set<OccurrenceStatus>();
  for (const fire of fires) {
    used.add(fire.status);
    const [sign, rank] = SIGNS[fire.status];
    for (let at = place(fire.plannedAt); at <= place(fire.until); at++) {
      if (rank <= (ranks[at] as number)) continue;
      planned[at] = sign;
      ranks[at] = rank;
    }
    if (fire.startsAt !== null && fire.startsAt <= range.to)
      for (let at = place(fire.startsAt); at <= place(fire.endsAt ?? fire.startsAt); at++) runs[at] = '=';
  }
  for (const outage of range.outages) for (let at = place(outage.from); at <= place(outage.to); at++) down[at] = '~';
  const signs = [...used].map((status) => `${SIGNS[status][0]} ${status}`).join('  ');
  return [
    `planned ${planned.join('')}`,
    `runs    ${runs.join('').trimEnd()}`,
    ...(range.outages.length === 0 ? [] : [`outage  ${down.join('').trimEnd()}`]),
    `        ${new Date(range.from).toISOString().slice(0, 16)}Z to ${new Date(range.to).toISOString().slice(0, 16)}Z, ${signs === '' ? 'nothing is planned' : signs}`,
  ];
}
