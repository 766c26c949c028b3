// Owns templates of projects: what is built in and what users saved, their parameters, and the check of all that one makes before any of it is.
import { definitionError } from '../domain/definition-faults.ts';
import { LogisticsError } from '../domain/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Project } from '../domain/project.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';
import type { ScheduleInput } from '../schedule/schedule-input.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import type { Backend } from '../store/backend.ts';
import { BUILT_IN_TEMPLATES } from './built-in-templates.ts';
import type { Caller } from './caller.ts';
import { contentOf, ProjectContent, placedIn } from './project-content.ts';
import { ProjectTemplate, TemplateName } from './project-template.ts';
import type { WorkflowManager } from './workflow-manager.ts';

export interface PreparedProject {
  readonly description: string | null;
  readonly definitions: readonly JsonObject[];
  readonly schedules: readonly ScheduleInput[];
  readonly milestones: readonly string[];
  readonly plan: ProjectContent['plan'];
}

export interface ListedTemplate {
  readonly name: string;
  readonly builtIn: boolean;
  readonly template: ProjectTemplate;
}

interface TemplatesOptions {
  readonly backend: Backend;
  readonly workflows: WorkflowManager;
  readonly schedules: ScheduleManager;
  readonly namespace: string;
  readonly now: () => number;
}

const MAX_TEMPLATES = 200;
const MAX_BYTES = 1_048_576;

export class ProjectTemplates {
  readonly #o: TemplatesOptions;

  constructor(options: TemplatesOptions) {
    this.#o = options;
  }

  /** The built-in ones first; a user's template stands for a built-in one of its name. */
  list(): readonly ListedTemplate[] {
    const saved = this.#o.backend
      .listTemplates({ namespace: this.#o.namespace })
      .map(({ name, content }) => ({ name, builtIn: false, template: JSON.parse(content) as ProjectTemplate }));
    const own = new Set(saved.map(({ name }) => name));
    const builtIn = Object.entries(BUILT_IN_TEMPLATES).flatMap(([name, template]) => (own.has(name) ? [] : [{ name, builtIn: true, template }]));
    return [...builtIn, ...saved];
  }

  require(name: string): ProjectTemplate {
    const all = this.list();
    const found = all.find((one) => one.name === name);
    if (found !== undefined) return found.template;
    const names = all.map((one) => one.name);
    throw new LogisticsError('not_found', `There is no template ${name}.`, {
      path: 'template',
      expected: `one of ${names.join(', ')}`,
      nearMatches: nearMatches(name, names),
    });
  }

  /** Saves a template, given as it is or taken from a project. */
  async save(name: string, from: Project | JsonObject): Promise<{ readonly template: ProjectTemplate; readonly created: boolean }> {
    const { backend, namespace, schedules } = this.#o;
    parseInput(TemplateName, name, 'The name cannot be used', 'template');
    const template = isProject(from)
      ? { description: `Saved from the project ${from.name}.`, content: contentOf(backend, schedules, from) }
      : parseInput(ProjectTemplate, from, 'The template is wrong', 'content');
    const text = JSON.stringify(template);
    if (text.length > MAX_BYTES)
      throw new LogisticsError('limit_exceeded', `The template takes ${text.length} characters.`, { path: 'content', expected: `at most ${MAX_BYTES}` });
    const saved = backend.listTemplates({ namespace });
    if (saved.length >= MAX_TEMPLATES && !saved.some((one) => one.name === name))
      throw new LogisticsError('limit_exceeded', `There are ${saved.length} templates already.`, {
        path: 'template',
        nextActions: ['Delete one: manage_project action=delete_template.'],
      });
    const { created } = await backend.putTemplate({ namespace, template: { name, content: text } });
    return { template, created };
  }

  async delete(name: string): Promise<void> {
    const { backend, namespace } = this.#o;
    if (await backend.deleteTemplate({ namespace, name })) return;
    if (Object.hasOwn(BUILT_IN_TEMPLATES, name))
      throw new LogisticsError('not_allowed', `The template ${name} is built in.`, {
        path: 'template',
        nextActions: ['Save one of the same name to stand for it.'],
      });
    this.require(name);
  }

  /** What a template makes of a project, with its parameters put in and everything checked. */
  prepare(name: string, project: string, parameters: JsonObject, caller: Caller): PreparedProject {
    return this.check(project, filled(this.require(name), parameters), caller);
  }

  /** The content under the names of a project; throws with every fault, each under its path. */
  check(project: string, content: ProjectContent, _caller: Caller): PreparedProject {
    const { workflows, schedules, now } = this.#o;
    const placed = placedIn(project, content);
    const faults: DefinitionFault[] = [];
    for (const [i, definition] of placed.definitions.entries())
      for (const fault of workflows.check(definition).faults) faults.push({ ...fault, path: `workflows[${i}].${fault.path}` });
    if (faults.length > 0) throw definitionError(faults);
    for (const [i, schedule] of placed.schedules.entries()) {
      try {
        schedules.specOf(schedule, now());
      } catch (error) {
        if (!(error instanceof LogisticsError)) throw error;
        throw new LogisticsError(error.code, error.message, { ...error.toData(), path: `schedules[${i}].${error.path ?? ''}`, details: error.details });
      }
    }
    return { description: content.description ?? null, ...placed, milestones: content.milestones ?? [], plan: content.plan ?? null };
  }
}

function isProject(from: Project | JsonObject): from is Project {
  return typeof (from as Project).id === 'string' && (from as Project).id.startsWith('proj_');
}

function filled(template: ProjectTemplate, given: JsonObject): ProjectContent {
  const known = template.parameters ?? {};
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    const names = Object.keys(known);
    throw new LogisticsError('invalid_input', `The template has no parameter ${unknown}.`, {
      path: `parameters.${unknown}`,
      expected: names.length === 0 ? 'no parameters' : `one of ${names.join(', ')}`,
      nearMatches: nearMatches(unknown, names),
    });
  }
  const values = new Map<string, Json>();
  for (const [name, { default: fallback, description }] of Object.entries(known)) {
    const value = Object.hasOwn(given, name) ? (given[name] as Json) : (fallback as Json | undefined);
    if (value === undefined)
      throw new LogisticsError('invalid_input', `The template needs the parameter ${name}.`, {
        path: `parameters.${name}`,
        expected: description ?? 'a value',
      });
    values.set(name, value);
  }
  return parseInput(ProjectContent, replaced(template.content as Json, values), 'The template with these parameters is wrong', 'content');
}

function replaced(value: Json, values: ReadonlyMap<string, Json>): Json {
  if (typeof value === 'string') {
    const whole = /^<<([A-Za-z][A-Za-z0-9_]*)>>$/.exec(value)?.[1];
    if (whole !== undefined && values.has(whole)) return values.get(whole) as Json;
    return value.replace(/<<([A-Za-z][A-Za-z0-9_]*)>>/g, (text, name: string) => {
      const inner = values.get(name);
      return inner === undefined ? text : typeof inner === 'string' ? inner : JSON.stringify(inner);
    });
  }
  if (Array.isArray(value)) return value.map((item: Json) => replaced(item, values));
  return isJsonObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, values)])) : value;
}
