// Owns the `schedules` blocks of workflow files: they are no part of a definition, and what they say is what is stored.
import { join } from 'node:path';
import { LogisticsError } from '../domain/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import type { Logger } from '../domain/log.ts';
import { FILE_OWNER } from '../domain/schedule.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';
import { ownedBy, readBlock, reconcile } from '../schedule/file-schedules.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import { parseDefinitionText } from './definition-source.ts';

export class ScheduleBlocks {
  readonly #o: { readonly schedules: ScheduleManager; readonly folder: string; readonly logger: Logger };

  constructor(options: { readonly schedules: ScheduleManager; readonly folder: string; readonly logger: Logger }) {
    this.#o = options;
  }

  /** Workflows stay when their file is gone; schedules do not, or nobody would know why they fire. */
  async forgetMissing(files: readonly string[]): Promise<void> {
    const { schedules, logger } = this.#o;
    const present = new Set(files.map((file) => this.#ownerOf(file)));
    for (const { id, name, principal } of ownedBy(schedules, (owner) => owner.startsWith(this.#ownerOf('')) && !present.has(owner))) {
      await schedules.delete(id);
      logger.info({ schedule: name, owner: principal }, 'a schedule was deleted with its file');
    }
  }

  /** Throws a LogisticsError for a block with a fault, or at the end for a schedule that could not be taken over. */
  async load(file: string, block: Json | undefined, workflow: string): Promise<void> {
    const { schedules, logger } = this.#o;
    const done = await reconcile(schedules, this.#ownerOf(file), block === undefined ? [] : readBlock(block, workflow));
    if (done.created.length + done.updated.length + done.deleted.length > 0) logger.info({ file, ...done }, 'the schedules of a workflow file were taken over');
  }

  #ownerOf(file: string): string {
    return `${FILE_OWNER}${join(this.#o.folder, '/')}${file}`;
  }
}

/** The definition of a file without its `schedules`; a text without any stays a text, so that faults keep their lines. */
export function splitSource(text: string): { readonly definition: unknown; readonly block: Json | undefined } {
  const { value, faults } = /schedules/.test(text) ? parseDefinitionText(text) : { value: null, faults: [] };
  if (faults.length > 0 || !isJsonObject(value as Json) || !Object.hasOwn(value as JsonObject, 'schedules')) return { definition: text, block: undefined };
  const { schedules, ...definition } = value as JsonObject;
  return { definition, block: schedules };
}

/** What is wrong with a block by itself, or null. */
export function blockFault(block: Json, workflow: string): DefinitionFault | null {
  try {
    readBlock(block, workflow);
    return null;
  } catch (error) {
    if (!(error instanceof LogisticsError)) throw error;
    const { path = 'schedules', code, message, expected, nearMatches } = error.toData();
    return { path, code, message, ...(expected === undefined ? {} : { expected }), ...(nearMatches === undefined ? {} : { nearMatches }) };
  }
}
