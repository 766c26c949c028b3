// Owns the extension for skills: one skill, whose text belongs to the reference; what checks it is loaded when it is first asked for.
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError, type Server, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { SKILL_NAME, SKILL_TEXT } from '../../tools/reference/skill.ts';

export const SKILLS_EXTENSION = 'io.modelcontextprotocol/skills';
export const SKILL_URI = `skill://${SKILL_NAME}/SKILL.md`;
const FILE = 'SKILL.md';

type Skill = Readonly<Record<string, unknown>>;
let made: Promise<Skill> | null = null;

/** Name, description, digest and size, as the SDK makes and checks them. */
function skill(): Promise<Skill> {
  made ??= import('@modelcontextprotocol/server/ext/skills').then(({ skillEntry }) => skillEntry(SKILL_NAME, { [FILE]: SKILL_TEXT }));
  return made;
}

/** Made once: a server is made for each request of the 2026 era, and these cost more than all else that makes one. */
const LIST = { params: z.looseObject({}), result: z.looseObject({}) };
const GET = { params: z.looseObject({ uri: z.string() }), result: z.looseObject({}) };

export function serveSkills(server: Server): void {
  server.setRequestHandler('skills/list', LIST, async (_, context) => ({
    skills: [await skill()],
    ...cacheOf(context),
  }));
  server.setRequestHandler('skills/get', GET, async ({ uri }, context) => {
    if (uri !== SKILL_URI) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `No skill is served at ${uri.slice(0, 200)}; there is ${SKILL_URI}.`);
    return { skill: await skill(), ...cacheOf(context) };
  });
}

/** Part of results since 2026. */
function cacheOf(context: ServerContext): object {
  return context.mcpReq.envelope === undefined ? {} : { ttlMs: 3_600_000, cacheScope: 'public' };
}

/** The content of the one file, or undefined for an address that is no skill's. */
export function readSkill(uri: string): { readonly uri: string; readonly mimeType: string; readonly text: string } | undefined {
  if (!uri.startsWith('skill:')) return undefined;
  if (uri !== SKILL_URI) throw new ResourceNotFoundError(uri, `No skill is served at ${uri.slice(0, 200)}; there is ${SKILL_URI}.`);
  return { uri, mimeType: 'text/markdown', text: SKILL_TEXT };
}
