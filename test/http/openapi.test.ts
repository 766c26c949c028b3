// The description of the HTTP interface: OpenAPI 3.1 in form, complete in both directions, and its examples are calls that work.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { API_ROUTES, findRoute } from '../../src/http/api/api-routes.ts';
import { openApiText, servedRoutes } from '../../src/http/api/openapi.ts';
import { parseArguments } from '../../tools/call-tool.ts';
import { allToolSpecs, toolSpecs } from '../../tools/registry.ts';
import { ALL_SETS, api, httpPlace } from '../support/http-server.ts';

/** The objects of OpenAPI 3.1 that are used, each with the fields that it may have there. */
const Ref = z.strictObject({ $ref: z.string().regex(/^#\/components\/(parameters|responses|schemas|headers)\/\w[\w-]*$/) });
const Schema = z.record(z.string(), z.unknown());
const Media = z.strictObject({ schema: Schema.optional(), example: z.unknown().optional() });
const Content = z.record(z.string().regex(/^[\w*+.-]+\/[\w*+.-]+$/), Media);
const Header = z.strictObject({ description: z.string().optional(), schema: Schema });
const Parameter = z.strictObject({
  name: z.string().min(1),
  in: z.enum(['path', 'query', 'header']),
  description: z.string().optional(),
  required: z.boolean().optional(),
  schema: Schema,
});
const Response = z.strictObject({
  description: z.string().min(1),
  headers: z.record(z.string(), z.union([Ref, Header])).optional(),
  content: Content.optional(),
});
const Operation = z.strictObject({
  operationId: z.string().regex(/^\w+$/),
  summary: z.string().min(1),
  description: z.string().optional(),
  tags: z.array(z.string()),
  parameters: z.array(z.union([Ref, Parameter])).optional(),
  requestBody: z.strictObject({ required: z.boolean(), content: Content }).optional(),
  servers: z.array(z.strictObject({ url: z.string() })).optional(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  responses: z.record(z.string().regex(/^(default|[1-5]\d\d)$/), z.union([Ref, Response])).refine((all) => Object.keys(all).length > 0),
});
const OpenApi = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d$/),
  info: z.strictObject({ title: z.string(), version: z.string(), summary: z.string(), description: z.string() }),
  servers: z.array(z.strictObject({ url: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(z.string().regex(/^\//), z.partialRecord(z.enum(['get', 'post', 'patch', 'delete']), Operation)),
  components: z.strictObject({
    securitySchemes: z.record(z.string(), z.strictObject({ type: z.literal('http'), scheme: z.string(), description: z.string() })),
    parameters: z.record(z.string(), Parameter),
    headers: z.record(z.string(), Header),
    schemas: z.record(z.string(), Schema),
    responses: z.record(z.string(), Response),
  }),
});
type OpenApi = z.infer<typeof OpenApi>;

function described(tools = allToolSpecs): OpenApi {
  return OpenApi.parse(JSON.parse(openApiText(tools)));
}

function operations({ paths }: OpenApi): { readonly path: string; readonly method: string; readonly operation: z.infer<typeof Operation> }[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) => (operation === undefined ? [] : [{ path, method: method.toUpperCase(), operation }])),
  );
}

describe('openapi.json', () => {
  it('is served, once made, and has the form of OpenAPI 3.1', async () => {
    const { url } = await httpPlace();
    const { status, headers, body } = await api(url)('GET /openapi.json');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(OpenApi.parse(body)).toEqual(described(toolSpecs));
    expect(openApiText(toolSpecs)).toBe(openApiText(toolSpecs));
  });

  it('describes hooks where there are some, beside the interface and without a token', async () => {
    const hooks = [{ name: 'push', secret: 'S', signature: 'github' as const, start: { workflow: 'build' } }];
    const { url, token } = await httpPlace({ secrets: { S: { tasks: ['hook.verify'] } }, hooks });
    const { paths } = OpenApi.parse((await api(url, token('r', ['read']))('GET /openapi.json')).body);
    expect(paths['/hooks/{name}']?.post).toMatchObject({ servers: [{ url: '/' }], security: [] });
    expect(described(toolSpecs).paths).not.toHaveProperty('/hooks/{name}');
  });

  it('refers to what is there, names each operation once and each part of a path', () => {
    const document = described();
    for (const [, place = '', name = ''] of openApiText(allToolSpecs).matchAll(/"\$ref":"#\/components\/(\w+)\/([\w-]+)"/g))
      expect(document.components[place as 'schemas']).toHaveProperty(name);
    const all = operations(document);
    expect(new Set(all.map(({ operation }) => operation.operationId)).size).toBe(all.length);
    for (const { path, operation } of all) {
      const inPath = (operation.parameters ?? []).flatMap((parameter) => ('in' in parameter && parameter.in === 'path' ? [parameter.name] : []));
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  it('describes every route that is served, and none that is not', async () => {
    const routes = API_ROUTES.map(({ method, path }) => `${method} ${path}`);
    const tools = allToolSpecs.map(({ name }) => `POST /tools/${name}`);
    expect(
      operations(described())
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual([...routes, ...tools].sort());
    const off = operations(described(toolSpecs)).map(({ path }) => path);
    expect(off).not.toContain('/workers/claim');
    expect(servedRoutes(toolSpecs).length).toBeLessThan(API_ROUTES.length);
    // And served means answered: with arguments of no sense by a refusal of the tool, never by "nothing at this path".
    const { url } = await httpPlace({ toolsets: ALL_SETS });
    for (const { method, path } of operations(described())) {
      if (path === '/events') continue;
      const real = path.replaceAll(/\{\w+\}/g, 'x');
      expect(findRoute(method, real.slice(1).split('/'))).toMatchObject({ kind: 'found' });
      const { status, body } = await api(url)(
        `${method} ${real}`,
        method === 'GET' || method === 'DELETE' ? undefined : path.includes('claim') ? { wait_ms: 0 } : {},
      );
      expect.soft([method, real, status, JSON.stringify(body)]).toEqual([method, real, expect.any(Number), expect.not.stringMatching(/nothing at this path/)]);
      expect.soft(status).not.toBe(405);
      expect.soft(status).toBeLessThan(500);
    }
  });

  it('has schemas that compile, and examples that they and the tools accept', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    let examples = 0;
    for (const { path, operation } of operations(described())) {
      for (const parameter of operation.parameters ?? []) if ('schema' in parameter) ajv.compile(parameter.schema);
      for (const response of Object.values(operation.responses))
        if ('content' in response) for (const { schema } of Object.values(response.content ?? {})) ajv.compile(schema ?? {});
      const media = operation.requestBody?.content['application/json'];
      if (media === undefined) continue;
      const check = ajv.compile(media.schema ?? {});
      if (media.example === undefined) continue;
      examples++;
      expect.soft([path, check(media.example), check.errors]).toEqual([path, true, null]);
      const name = /Tool `(\w+)`/.exec(operation.description ?? '')?.[1];
      const tool = allToolSpecs.find((each) => each.name === name);
      expect(tool).toBeDefined();
      if (tool !== undefined) parseArguments(tool, media.example);
    }
    expect(examples).toBeGreaterThanOrEqual(allToolSpecs.length);
  });
});
