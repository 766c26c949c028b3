// Owns the last words of a run: how it ended, what came out, where its artifacts are.
import { formatDuration } from '../../domain/duration.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import type { ArtifactInfo, ExecutionSummary } from '../../store/backend.ts';
import { errorLines } from './error.ts';
import { jsonLines } from './json-text.ts';
import { inStatusColor, sign } from './symbols.ts';
import { bytesText, type Colors, oneLine, padEnd, widthOf } from './text.ts';

const OUTPUT_LINES = 60;

export function runEndLines(execution: ExecutionSummary, output: Json, artifacts: readonly ArtifactInfo[], colors: Colors): string[] {
  const took = execution.endedAt === null ? '' : ` in ${formatDuration(execution.endedAt - execution.createdAt)}`;
  const lines = [`${sign(execution.status, colors)} ${inStatusColor(execution.status, execution.status, colors)}${took}  ${colors.dim(execution.id)}`];
  if (execution.status === 'cancelled' && execution.error !== null) lines.push(`  ${colors.dim(oneLine(execution.error.message))}`);
  else if (execution.error !== null) lines.push('', ...errorLines(execution.error, colors));
  if (execution.status === 'completed' && !isEmpty(output))
    lines.push(
      '',
      colors.bold('Output'),
      ...jsonLines(output, colors, { limit: OUTPUT_LINES, more: `logistics-mcp get ${execution.id} --view output --json` }),
    );
  if (artifacts.length > 0) lines.push('', colors.bold('Artifacts'), ...artifactLines(artifacts, colors));
  if (execution.status === 'failed')
    lines.push('', `  ${colors.dim('→')} logistics-mcp get ${execution.id} --view explain`, `  ${colors.dim('→')} logistics-mcp control ${execution.id} retry`);
  return lines;
}

function isEmpty(output: Json): boolean {
  return output === null || (isJsonObject(output) && Object.keys(output).length === 0);
}

function artifactLines(artifacts: readonly ArtifactInfo[], colors: Colors): string[] {
  const names = artifacts.map((artifact) => oneLine(artifact.name));
  const width = Math.max(...names.map(widthOf));
  return artifacts.map(
    (artifact, at) => `  ${padEnd(names[at] as string, width)}  ${colors.dim(`${artifact.mediaType}, ${bytesText(artifact.bytes)}  ${artifact.id}`)}`,
  );
}
