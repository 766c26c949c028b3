// Owns masking of credentials that nobody registered: what their form gives away in a line of the log (bearer tokens, headers, passwords and keys in addresses).

const MASK = '[masked]';
/** Tried on every line, so it is one look: a line without any of these words is left alone. */
const SUSPECT = /bearer|basic |authorization|cookie|api[-_]key|lmcp_|:\/\/[^/\s"]*@|[?&](?:[a-z_-]*(?:token|key|secret|password|signature)|sig)=/i;

const FORMS: readonly (readonly [RegExp, string])[] = [
  // Header fields of a JSON object, whatever they hold.
  [/"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)":"(?:[^"\\]|\\.)*"/gi, `"$1":"${MASK}"`],
  [/\b(bearer|basic) +[A-Za-z0-9\-._~+/]{8,}=*/gi, `$1 ${MASK}`],
  // Tokens of our own server.
  [/\blmcp_[A-Za-z0-9_-]{8,}/g, MASK],
  [/([a-z][a-z0-9+.-]*:\/\/)[^/\s"@]*@/gi, `$1${MASK}@`],
  [/([?&](?:[a-z_-]*(?:token|key|secret|password|signature)|sig)=)[^&\s"'\\]+/gi, `$1${MASK}`],
];

/** The text without what looks like a credential; of a JSON line the result is one too. */
export function maskCredentials(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return FORMS.reduce((so, [form, mask]) => so.replace(form, mask), text);
}
