// Owns how a plan is drawn: bars as text, a Mermaid gantt, and rows as data.
import { formatDuration } from '../domain/duration.ts';
import type { WorkPlan } from './make-plan.ts';
import type { Placement, PlanTask } from './plan-model.ts';

export interface GanttRow {
  readonly step: string;
  readonly item: number | null;
  /** Name of the worker, number of the slot, or null for what takes none. */
  readonly on: string | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly critical: boolean;
}

export function ganttRows(plan: WorkPlan): GanttRow[] {
  const critical = new Set(plan.graph.criticalPath);
  return plan.schedule.placements.map((placement) => {
    const task = plan.tasks[placement.task] as PlanTask;
    return {
      step: task.id,
      item: task.count > 1 ? placement.item : null,
      on: placement.slot < 0 ? null : (plan.capacity.workers?.[placement.slot]?.name ?? `slot ${placement.slot + 1}`),
      startMs: placement.startMs,
      endMs: placement.endMs,
      critical: critical.has(placement.task),
    };
  });
}

interface Span {
  readonly label: string;
  readonly critical: boolean;
  readonly bars: readonly Pick<Placement, 'startMs' | 'endMs'>[];
}

/** One line per step, or per slot where there are more steps than `maxRows`: critical steps with █, others with ▒. */
export function ganttText(plan: WorkPlan, options: { readonly width?: number; readonly maxRows?: number } = {}): string[] {
  const { width = 60, maxRows = 40 } = options;
  const total = plan.schedule.makespanMs;
  const spans = plan.tasks.length <= maxRows ? byStep(plan) : bySlot(plan, maxRows);
  const labelWidth = Math.min(24, Math.max(...spans.map((span) => span.label.length)));
  const lines = spans.map((span) => {
    const cells = new Array<string>(width).fill('·');
    for (const bar of span.bars) {
      const from = column(bar.startMs, total, width);
      const to = Math.max(from + 1, Math.min(width, Math.round((bar.endMs / (total || 1)) * width)));
      cells.fill(span.critical ? '█' : '▒', from, to);
    }
    const first = span.bars[0];
    const last = Math.max(0, ...span.bars.map((bar) => bar.endMs));
    const times = first === undefined ? '' : ` ${formatDuration(first.startMs)}–${formatDuration(last)}`;
    return `${clip(span.label, labelWidth).padEnd(labelWidth)} ${cells.join('')}${times}`;
  });
  lines.push(`${' '.repeat(labelWidth)} 0${formatDuration(total).padStart(width - 1)}`);
  return lines;
}

/** `limit` rows; Mermaid takes each as a task of a section. */
export function ganttMermaid(plan: WorkPlan, title: string, limit = 200): { readonly text: string; readonly truncated: boolean } {
  const rows = ganttRows(plan);
  const lines = ['gantt', `  title ${plainText(title)}`, '  dateFormat x', '  axisFormat %H:%M:%S'];
  const sections = new Map<string, GanttRow[]>();
  for (const row of rows.slice(0, limit)) {
    const name = row.on ?? 'waiting';
    const section = sections.get(name);
    if (section === undefined) sections.set(name, [row]);
    else section.push(row);
  }
  for (const [name, section] of [...sections].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))) {
    lines.push(`  section ${plainText(name)}`);
    for (const row of section) {
      const label = plainText(row.item === null ? row.step : `${row.step} ${row.item}`);
      lines.push(`  ${label} :${row.critical ? 'crit, ' : ''}${Math.round(row.startMs)}, ${Math.round(Math.max(row.endMs, row.startMs + 1))}`);
    }
  }
  return { text: lines.join('\n'), truncated: rows.length > limit };
}

function byStep(plan: WorkPlan): Span[] {
  const critical = new Set(plan.graph.criticalPath);
  const bars = new Map<number, Placement[]>();
  for (const placement of plan.schedule.placements) {
    const own = bars.get(placement.task);
    if (own === undefined) bars.set(placement.task, [placement]);
    else own.push(placement);
  }
  return [...bars].map(([at, own]) => {
    const task = plan.tasks[at] as PlanTask;
    return { label: task.count > 1 ? `${task.id} ×${task.count}` : task.id, critical: critical.has(at), bars: own };
  });
}

function bySlot(plan: WorkPlan, maxRows: number): Span[] {
  const bars = new Map<number, Placement[]>();
  for (const placement of plan.schedule.placements) {
    if (placement.slot < 0) continue;
    const own = bars.get(placement.slot);
    if (own === undefined) bars.set(placement.slot, [placement]);
    else own.push(placement);
  }
  return [...bars]
    .sort(([a], [b]) => a - b)
    .slice(0, maxRows)
    .map(([slot, own]) => ({ label: plan.capacity.workers?.[slot]?.name ?? `slot ${slot + 1}`, critical: false, bars: own }));
}

function column(ms: number, total: number, width: number): number {
  return Math.min(width - 1, Math.floor((ms / (total || 1)) * width));
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Mermaid ends a name at a colon, and a line at a semicolon or #. */
function plainText(text: string): string {
  return text.replaceAll(/[:;#\n,]/g, ' ').trim() || '-';
}
