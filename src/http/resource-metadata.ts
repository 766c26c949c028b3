// Owns what a client learns about how to be let in: the challenge of a refusal, and the metadata of RFC 9728 where an issuer gives out tokens.
import type { ServeConfig } from '../config/serve-schema.ts';
import { SCOPES } from '../domain/access.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** The path of the resource comes after the well-known one; some clients look without it. */
export const METADATA_PATHS = [`${WELL_KNOWN}/mcp`, WELL_KNOWN] as const;

type Rules = Pick<ServeConfig, 'jwt' | 'publicUrl'>;

function resourceOf({ publicUrl }: Rules, url: string): string {
  return publicUrl ?? `${url}/mcp`;
}

export function protectedResource(config: Rules, url: string): Readonly<Record<string, unknown>> {
  return {
    resource: resourceOf(config, url),
    authorization_servers: config.jwt === null ? [] : [config.jwt.issuer],
    scopes_supported: SCOPES,
    bearer_methods_supported: ['header'],
    resource_name: 'logistics-mcp',
  };
}

/** The value of WWW-Authenticate. */
export function challenge(config: Rules, url: string, fields: { readonly error?: string; readonly scope?: string | undefined }): string {
  const metadata = config.jwt === null ? {} : { resource_metadata: new URL(METADATA_PATHS[0], resourceOf(config, url)).href };
  const all = Object.entries({ ...fields, ...metadata }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${value}"`]));
  return `Bearer ${['realm="logistics-mcp"', ...all].join(', ')}`;
}
