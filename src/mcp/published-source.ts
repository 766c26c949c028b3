// Owns where a connection's tools come from when some of them are stored workflows: the list now, and word of its changes.
import type { PublishedTools } from '../../tools/published.ts';
import type { ToolSpec } from '../../tools/tool.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

export interface ToolSource {
  readonly tools: () => Promise<readonly ToolSpec[]>;
  /** Tells of each change; resolves to how to stop. */
  readonly onToolsChange: (tell: () => void) => Promise<() => void>;
}

/** An engine that cannot be had is told by the calls; the fixed tools are listed all the same. */
export function publishedSource(fixed: readonly ToolSpec[], published: PublishedTools, engineOf: () => Promise<OrchestrationEngine>): ToolSource {
  return {
    tools: async () => {
      try {
        const engine = await engineOf();
        await engine.backend.refresh?.();
        return published.of(engine);
      } catch {
        return fixed;
      }
    },
    onToolsChange: async (tell) => onPublishedChange(await engineOf(), published, tell),
  };
}

export function onPublishedChange(engine: OrchestrationEngine, published: PublishedTools, tell: () => void): () => void {
  return engine.on('workflow_created', ({ data }) => {
    if (published.isChangedBy(data.workflow)) tell();
  });
}
