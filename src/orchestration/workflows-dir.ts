// Owns workflow files: each definition in the folder is stored as a version when its content is new; a faulty file is told and harms nothing.
import { createHash } from 'node:crypto';
import { watch as watchFolder } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import { LogisticsError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/json.ts';
import type { Logger } from '../domain/log.ts';
import type { Service } from '../domain/service.ts';
import type { DefinitionFault, StoredDefinition, WorkflowDefinition } from '../domain/workflow-definition.ts';
import { Ticker } from '../runtime/ticker.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import { MAX_SOURCE_BYTES } from './definition-source.ts';
import { blockFault, ScheduleBlocks, splitSource } from './schedule-blocks.ts';
import type { WorkflowManager } from './workflow-manager.ts';

/** Begins to watch a folder; gives the way to stop. Throws when the folder cannot be watched. */
export type WatchFolder = (folder: string, onChange: () => void, onError: (error: unknown) => void) => () => void;

export interface WorkflowsDirOptions {
  readonly folder: string;
  readonly workflows: WorkflowManager;
  /** Takes over the `schedules` blocks; without it they are only checked. */
  readonly schedules?: ScheduleManager | undefined;
  readonly logger: Logger;
  readonly watch?: WatchFolder | undefined;
  /** Quiet time after a change before the files are read; editors write in several steps. */
  readonly debounceMs?: number | undefined;
}

/** One file compared with what is stored. Deleted files are not listed: their workflows stay until somebody deletes them. */
export interface WorkflowFileDiff {
  readonly file: string;
  readonly status: 'new' | 'changed' | 'unchanged' | 'invalid';
  readonly workflow: string | null;
  /** Newest stored version of the workflow, or null. */
  readonly version: number | null;
  readonly hash: string | null;
  readonly faults: readonly DefinitionFault[];
  readonly warnings: readonly DefinitionFault[];
  /** Ids of steps that differ from the stored version; null unless changed. */
  readonly steps: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly string[] } | null;
}

interface SourceFile {
  readonly file: string;
  readonly text: string | null;
  readonly fault: DefinitionFault | null;
}

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);
const MAX_FILES = 1_000;
const DEBOUNCE_MS = 100;
/** Looked at again at least this often: not every file system tells of changes. */
const LOOK_MS = 30_000;

export class WorkflowsDir implements Service {
  readonly name = 'workflows-dir';
  readonly folder: string;
  readonly #o: WorkflowsDirOptions;
  readonly #ticker: Ticker;
  readonly #blocks: ScheduleBlocks | null;
  /** Digest of the text last dealt with, per file. */
  readonly #seen = new Map<string, string>();
  readonly #faults = new Map<string, string>();
  #folderFault: string | null = null;
  #unwatch: (() => void) | null = null;
  #quiet: NodeJS.Timeout | null = null;
  #started = false;
  #loading: Promise<unknown> = Promise.resolve();

  constructor(options: WorkflowsDirOptions) {
    this.#o = options;
    this.folder = options.folder;
    const { schedules, folder, logger } = options;
    this.#blocks = schedules === undefined ? null : new ScheduleBlocks({ schedules, folder, logger });
    this.#ticker = new Ticker(
      'workflows-dir',
      () => this.tick(),
      (error) => options.logger.error({ err: error }, 'the workflow files could not be read'),
    );
  }

  /** Loads the folder once, then watches it; never throws for what is in it. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.tick().catch((error: unknown) => this.#o.logger.error({ err: error }, 'the workflow files could not be read'));
    if (this.#started) this.#ticker.start();
  }

  async stop(): Promise<void> {
    this.#started = false;
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    this.#unwatch?.();
    this.#unwatch = null;
    await this.#ticker.stop();
    await this.#loading;
  }

  /** Stores what is new or changed; one round at a time. */
  tick(): Promise<number> {
    const round = this.#loading.then(() => this.#round());
    this.#loading = round.catch(() => undefined);
    return round;
  }

  /** What is wrong with the folder and its files now, for the status. */
  warnings(): readonly string[] {
    const files = [...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, message]) => `Workflow file ${file}: ${message}`);
    return this.#folderFault === null ? files : [this.#folderFault, ...files];
  }

  /** Each file against what is stored; stores nothing. Throws not_found for a folder that cannot be read. */
  async diff(): Promise<readonly WorkflowFileDiff[]> {
    const sources = await this.#read();
    const owners = new Map<string, string>();
    const diffs: WorkflowFileDiff[] = [];
    for (const source of sources) diffs.push(await this.#compare(source, owners));
    return diffs;
  }

  async #round(): Promise<number> {
    this.#watch();
    let sources: readonly SourceFile[];
    try {
      sources = await this.#read();
      this.#folderFault = null;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (this.#folderFault !== message) this.#o.logger.warn({ folder: this.folder }, message);
      this.#folderFault = message;
      return LOOK_MS;
    }
    this.#forgetMissing(sources);
    await this.#blocks?.forgetMissing(sources.map(({ file }) => file));
    const owners = new Map<string, string>();
    for (const source of sources) await this.#load(source, owners);
    return LOOK_MS;
  }

  #forgetMissing(sources: readonly SourceFile[]): void {
    const present = new Set(sources.map(({ file }) => file));
    for (const file of [...this.#seen.keys(), ...this.#faults.keys()]) {
      if (present.has(file)) continue;
      if (this.#seen.delete(file)) this.#o.logger.info({ file }, 'a workflow file is gone; the stored workflow stays');
      this.#faults.delete(file);
    }
  }

  async #load(source: SourceFile, owners: Map<string, string>): Promise<void> {
    const { file } = source;
    const { logger, workflows } = this.#o;
    const compared = await this.#compare(source, owners);
    if (compared.status === 'invalid') {
      const message = compared.faults
        .map((fault) => (fault.path === '' ? fault.message : `${fault.path}: ${fault.message}`))
        .join('; ')
        .slice(0, 2_000);
      if (this.#faults.get(file) !== message) logger.warn({ file, faults: compared.faults.slice(0, 20) }, 'a workflow file is faulty and was not loaded');
      this.#faults.set(file, message);
      this.#seen.delete(file);
      return;
    }
    this.#faults.delete(file);
    const digest = createHash('sha256')
      .update(source.text as string)
      .digest('hex');
    // The same text again is not stored again, so that a newer version made by other means stands until the file changes.
    if (this.#seen.get(file) === digest) return;
    const { definition, block } = splitSource(source.text as string);
    if (compared.status !== 'unchanged') {
      const { stored, created } = await workflows.create(definition, undefined, stemOf(file));
      if (created) logger.info({ file, workflow: stored.name, version: stored.version }, 'a workflow file was loaded');
    }
    try {
      await this.#blocks?.load(file, block, compared.workflow as string);
    } catch (error) {
      if (!(error instanceof LogisticsError)) throw error;
      if (this.#faults.get(file) !== error.message)
        logger.warn({ file, code: error.code, path: error.path }, `the schedules of a workflow file were not taken over: ${error.message}`);
      this.#faults.set(file, error.message);
      return;
    }
    this.#seen.set(file, digest);
  }

  async #compare({ file, text, fault }: SourceFile, owners: Map<string, string>): Promise<WorkflowFileDiff> {
    const invalid = (faults: readonly DefinitionFault[], workflow: string | null = null): WorkflowFileDiff => ({
      ...NO_DIFF,
      file,
      status: 'invalid',
      workflow,
      faults,
    });
    if (fault !== null) return invalid([fault]);
    const { definition, block } = splitSource(text as string);
    const checked = await this.#o.workflows.checkReachable(definition, stemOf(file));
    if (checked.definition === null) return invalid(checked.faults);
    const { name } = checked.definition;
    const wrong = block === undefined ? null : blockFault(block, name);
    if (wrong !== null) return invalid([wrong], name);
    const owner = owners.get(name);
    if (owner !== undefined)
      return invalid(
        [{ path: 'name', code: 'conflict', message: `The workflow ${name} is defined by ${owner} already.`, expected: 'a name of its own' }],
        name,
      );
    owners.set(name, file);
    const stored = this.#o.workflows.find(name);
    const status = stored === null ? 'new' : stored.hash === checked.hash ? 'unchanged' : 'changed';
    return {
      file,
      status,
      workflow: name,
      version: stored?.version ?? null,
      hash: checked.hash,
      faults: [],
      warnings: checked.warnings,
      steps: stored !== null && status === 'changed' ? stepChanges(stored, checked.definition) : null,
    };
  }

  async #read(): Promise<readonly SourceFile[]> {
    const names = await readdir(this.folder).catch((cause: unknown) => {
      throw new LogisticsError('not_found', `The workflows folder ${this.folder} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`, {
        path: 'workflowsDir',
        nextActions: ['Create the folder, or correct workflowsDir.'],
        cause,
      });
    });
    const files = names.filter((name) => EXTENSIONS.has(extname(name).toLowerCase()) && !name.startsWith('.')).sort();
    if (files.length > MAX_FILES) {
      throw new LogisticsError('limit_exceeded', `The workflows folder ${this.folder} holds ${files.length} definitions.`, {
        path: 'workflowsDir',
        expected: `at most ${MAX_FILES}`,
      });
    }
    const sources: SourceFile[] = [];
    for (const file of files) {
      const source = await this.#readOne(file);
      if (source !== null) sources.push(source);
    }
    return sources;
  }

  async #readOne(file: string): Promise<SourceFile | null> {
    const path = join(this.folder, file);
    const failed = (message: string, code = 'invalid_definition'): SourceFile => ({ file, text: null, fault: { path: '', code, message } });
    try {
      const found = await stat(path);
      if (!found.isFile()) return null;
      if (found.size > MAX_SOURCE_BYTES) return failed(`It has ${found.size} bytes; at most ${MAX_SOURCE_BYTES} are read.`, 'limit_exceeded');
      return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path)), fault: null };
    } catch (error) {
      if (error instanceof TypeError) return failed('It is no UTF-8 text.');
      const { code } = error as NodeJS.ErrnoException;
      // Deleted between the listing and the reading.
      return code === 'ENOENT' ? null : failed(`It cannot be read (${code ?? 'unknown'}).`);
    }
  }

  #watch(): void {
    if (!this.#started || this.#unwatch !== null) return;
    const { watch = watchWithNode, logger } = this.#o;
    const onError = (error: unknown): void => {
      logger.warn({ err: error, folder: this.folder }, 'the workflows folder is no longer watched; it is looked at every 30 s');
      this.#unwatch?.();
      this.#unwatch = null;
    };
    try {
      this.#unwatch = watch(this.folder, () => this.#changed(), onError);
    } catch {
      // The folder is not there, or no watch is left: the next look tries again.
      this.#unwatch = null;
    }
  }

  #changed(): void {
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#ticker.wake(), this.#o.debounceMs ?? DEBOUNCE_MS);
    this.#quiet.unref();
  }
}

const NO_DIFF = { workflow: null, version: null, hash: null, faults: [], warnings: [], steps: null } as const;

const watchWithNode: WatchFolder = (folder, onChange, onError) => {
  const watcher = watchFolder(folder, { persistent: false }, onChange);
  watcher.on('error', onError);
  return () => watcher.close();
};

function stemOf(file: string): string {
  return parse(file).name;
}

function stepChanges(stored: StoredDefinition, definition: WorkflowDefinition): NonNullable<WorkflowFileDiff['steps']> {
  const before = new Map(stored.definition.steps.map((step) => [step.id, canonicalJson(step)]));
  const after = new Map(definition.steps.map((step) => [step.id, canonicalJson(step)]));
  return {
    added: [...after.keys()].filter((id) => !before.has(id)),
    removed: [...before.keys()].filter((id) => !after.has(id)),
    changed: [...after].filter(([id, text]) => before.has(id) && before.get(id) !== text).map(([id]) => id),
  };
}
