// Owns how a forecast looks: how long, why, what has room, the bars, and what a change would bring.
import { formatDuration } from '../../domain/duration.ts';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { type Colors, clip, oneLine, padEnd } from './text.ts';
import { number, objects, text } from './wire.ts';

export function forecastLines(data: JsonObject, colors: Colors, width: number): string[] {
  const c = colors;
  const lines: string[] = [];
  const row = (label: string, told: string): number => lines.push(`  ${c.dim(padEnd(label, 13))}  ${clip(oneLine(told), Math.max(20, width - 17))}`);
  row('makespan', `${c.bold(text(data, 'makespan'))}  ${c.dim(within(data))}`);
  const bottleneck = isJsonObject(data.bottleneck) ? data.bottleneck : {};
  row(
    'lower bound',
    `${formatDuration(number(data, 'lower_bound_ms'))}  ${c.dim(`by ${[text(bottleneck, 'kind'), text(bottleneck, 'name')].join(' ').trim()}`)}`,
  );
  row('critical path', Array.isArray(data.critical_path) ? data.critical_path.map(String).join(' → ') : '');
  const slack = objects(data.top_slack).map((each) => `${text(each, 'step')} ${formatDuration(number(each, 'slack_ms'))}`);
  if (slack.length > 0) row('slack', slack.join(', '));
  if (isJsonObject(data.throughput)) row('throughput', `${text(data.throughput, 'runs_per_hour')} runs/h`);
  if (data.mean_latency_ms !== undefined) row('mean latency', formatDuration(number(data, 'mean_latency_ms')));
  if (typeof data.in_time === 'boolean') row('deadline', data.in_time ? c.green('in time') : c.red('too late'));
  if (isJsonObject(data.what_if)) {
    const changed = data.what_if;
    row('what if', `${c.bold(text(changed, 'makespan'))}  ${c.dim(`${within(changed)}  ${saved(number(changed, 'saves_ms'))}`)}`);
  }
  if (Array.isArray(data.gantt)) lines.push('', ...data.gantt.map((line) => `  ${String(line)}`));
  if (Array.isArray(data.assumptions)) lines.push('', ...data.assumptions.map((told) => `${c.yellow('!')} ${oneLine(String(told))}`));
  return lines;
}

function within(data: JsonObject): string {
  const failed = number(data, 'failed_share');
  const interval = isJsonObject(data.interval) ? text(data.interval, 'text') : '';
  return [interval, failed > 0 ? `${Math.round(failed * 100)}% of the runs fail` : ''].filter((part) => part !== '').join(', ');
}

function saved(ms: number): string {
  if (ms === 0) return 'no difference';
  return ms > 0 ? `saves ${formatDuration(ms)}` : `costs ${formatDuration(-ms)}`;
}
