// Owns the written form of a template: what a project is made of, and which texts of it are asked for.
import { z } from 'zod';
import { ProjectContent } from './project-content.ts';

export const TemplateName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,49}$/);

/** A parameter without a default has to be given; `<<name>>` in a text of the content is replaced by it, and by its very value where it is the whole text. */
const Parameter = z.strictObject({ description: z.string().max(500).optional(), default: z.json().optional() });

export const ProjectTemplate = z.strictObject({
  description: z.string().max(2_000).optional(),
  parameters: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,49}$/), Parameter).optional(),
  content: ProjectContent,
});
export type ProjectTemplate = z.infer<typeof ProjectTemplate>;
