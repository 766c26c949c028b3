// Owns the verdict on a definition as this process sees it: faults, and warnings about what is not there now; nothing is stored.
import type { Evaluator } from '../domain/evaluator.ts';
import { nearMatches } from '../domain/near-match.ts';
import { inProject, projectOf } from '../domain/project.ts';
import type { SourcePaths } from '../domain/source-path.ts';
import { checkDefinition } from '../domain/validate-definition.ts';
import { AGENT_CAPABILITY, offeredBy } from '../domain/worker-agent.ts';
import type { DefinitionFault, WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { Backend } from '../store/backend.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import { capabilityGap } from './capability-gap.ts';
import { hashDefinition } from './definition-hash.ts';
import { parseDefinitionText } from './definition-source.ts';
import { checkInputSchema, checkOutputSchema } from './input-schema.ts';
import { poolFaults } from './resource-faults.ts';
import type { ToolCatalog } from './tool-catalog.ts';

export interface DefinitionCheckerOptions {
  readonly backend: Backend;
  readonly evaluator: Evaluator;
  readonly registry: TaskRegistry;
  readonly taskAliases: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** Knows the tools of other MCP servers; absent where none is configured. */
  readonly tools?: ToolCatalog | undefined;
  /** Names of stored workflows, for near matches. */
  readonly names: () => readonly string[];
}

export interface CheckResult {
  readonly valid: boolean;
  readonly definition: WorkflowDefinition | null;
  readonly hash: string | null;
  /** Number that its author wrote, or null. */
  readonly version: number | null;
  readonly faults: readonly DefinitionFault[];
  readonly warnings: readonly DefinitionFault[];
}

export class DefinitionChecker {
  readonly #o: DefinitionCheckerOptions;

  constructor(options: DefinitionCheckerOptions) {
    this.#o = options;
  }

  /** Reads and checks a definition; faults are data, nothing is stored. Other servers are not asked: see checkReachable. */
  check(raw: unknown, defaultName?: string): CheckResult {
    return this.#check(raw, defaultName).result;
  }

  /** As check, and asks the MCP servers that its steps name for their tools, within a second. */
  async checkReachable(raw: unknown, defaultName?: string): Promise<CheckResult> {
    const { result, paths } = this.#check(raw, defaultName);
    if (result.definition === null || this.#o.tools === undefined) return result;
    const { faults, warnings } = await this.#o.tools.check(result.definition);
    const written = (fault: DefinitionFault): DefinitionFault => ({ ...fault, path: paths?.of(fault.path) ?? fault.path });
    const all = [...result.warnings, ...warnings.map(written)];
    return faults.length === 0
      ? { ...result, warnings: all }
      : { valid: false, definition: null, hash: null, version: null, faults: faults.map(written), warnings: all };
  }

  #check(raw: unknown, defaultName?: string): { readonly result: CheckResult; readonly paths: SourcePaths | null } {
    let value = raw;
    if (typeof raw === 'string') {
      const parsed = parseDefinitionText(raw);
      if (parsed.faults.length > 0)
        return { result: { valid: false, definition: null, hash: null, version: null, faults: parsed.faults, warnings: [] }, paths: null };
      value = parsed.value;
    }
    const { evaluator, registry, taskAliases } = this.#o;
    const taskTypes = new Map(registry.list().map((type) => [type.type, { input: type.input, example: type.example }]));
    const checked = checkDefinition(value, { evaluator, taskTypes, checkInputSchema, checkOutputSchema }, { taskAliases, defaultName });
    const { definition, paths } = checked;
    const faults = [...checked.faults, ...(definition === null ? [] : this.#keyFaults(definition))];
    if (definition === null || faults.length > 0)
      return { result: { valid: false, definition: null, hash: null, version: null, faults, warnings: checked.warnings }, paths };
    const { version } = checked;
    const hash = hashDefinition(definition);
    const warnings = [
      ...checked.warnings,
      ...this.#versionWarnings(definition.name, version, hash),
      ...this.#warningsOf(definition).map((warning) => ({ ...warning, path: paths.of(warning.path) })),
    ];
    return { result: { valid: true, definition, hash, version, faults, warnings }, paths };
  }

  /** A written number that names other content: storing it is a conflict, an inline run gets a number of its own. */
  #versionWarnings(name: string, version: number | null, hash: string): DefinitionFault[] {
    const { backend, namespace } = this.#o;
    const stored = version === null ? null : backend.findDefinition({ namespace, name, version });
    if (stored === null || stored.hash === hash) return [];
    return [
      { path: 'version', code: 'conflict', message: `Version ${version} of ${name} is stored with other content.`, expected: 'a larger version, or none' },
    ];
  }

  /** The key is rendered before the run exists, and for a child without its session: it may read the input alone. */
  #keyFaults(definition: WorkflowDefinition): DefinitionFault[] {
    const roots = new Set(this.#o.evaluator.references(definition.concurrency?.key ?? null).map(([root]) => root));
    roots.delete('input');
    return [...roots].map((root) => ({
      path: 'concurrency.key',
      code: 'unresolved_reference',
      message: `The concurrency key cannot read ${root}.`,
      expected: 'input',
    }));
  }

  #warningsOf(definition: WorkflowDefinition): DefinitionFault[] {
    const { backend, registry, namespace } = this.#o;
    const warnings: DefinitionFault[] = [];
    const offered = new Map<string, boolean>();
    const isOffered = (capability: string): boolean => {
      const known = offered.get(capability) ?? this.#isOffered(capability);
      offered.set(capability, known);
      return known;
    };
    for (const [i, step] of definition.steps.entries()) {
      const capability = registry.capabilityOf(step.task, step.with);
      if (capability === AGENT_CAPABILITY) {
        const gap = capabilityGap(backend, namespace, offeredBy(step.requires), null);
        if (gap !== null) warnings.push({ path: `steps[${i}].task`, code: gap.code, message: gap.message });
      } else if (capability !== undefined && !isOffered(capability)) {
        warnings.push({
          path: `steps[${i}].task`,
          code: 'not_allowed',
          message: `No running process offers ${capability}, so this step would wait.`,
          expected: 'a trusted config that allows it',
        });
      }
      const { workflow } = step.with;
      const child = step.task === 'workflow.run' && typeof workflow === 'string' && !workflow.includes('${{') ? workflow : null;
      if (child !== null && child !== definition.name && !this.#isStored(child, definition.name)) {
        warnings.push({
          path: `steps[${i}].with.workflow`,
          code: 'not_found',
          message: `There is no workflow ${child} yet.`,
          nearMatches: nearMatches(child, this.#o.names()),
        });
      }
    }
    warnings.push(...poolFaults(backend, namespace, definition));
    return warnings;
  }

  /** Inside a project its own workflows come first. */
  #isStored(name: string, caller: string): boolean {
    const { backend, namespace } = this.#o;
    const project = projectOf(caller);
    const own = project !== null && backend.findDefinition({ namespace, name: inProject(project, name) }) !== null;
    return own || backend.findDefinition({ namespace, name }) !== null;
  }

  #isOffered(capability: string): boolean {
    return (
      this.#o.registry.capabilities().includes(capability) ||
      this.#o.backend.listProcesses().some((process) => process.namespace === this.#o.namespace && process.capabilities.includes(capability))
    );
  }
}
