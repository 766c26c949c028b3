// Owns reading what an agent command printed: JSON as it is, else the last block or object of JSON that it ends with, else its text.
import { isJsonObject, type Json } from '../domain/json.ts';

const FENCE = /```[A-Za-z]*[ \t]*\r?\n([\s\S]*?)\r?\n?[ \t]*```/g;
/** Beginnings of objects that are tried, from the last one back. */
const MAX_TRIES = 200;

export function agentOutput(printed: string): Json {
  const text = printed.trim();
  const whole = parsed(text);
  if (whole !== undefined) return whole;
  const block = [...text.matchAll(FENCE)].map((match) => parsed((match[1] as string).trim())).findLast((value) => value !== undefined);
  return block ?? objectAtEnd(text) ?? { text };
}

/** An object in the midst of a sentence is a quotation; one that ends the text is the answer. */
function objectAtEnd(text: string): Json | undefined {
  if (!text.endsWith('}')) return undefined;
  let found: Json | undefined;
  for (let at = text.lastIndexOf('{'), tries = 0; at >= 0 && tries < MAX_TRIES; at = at === 0 ? -1 : text.lastIndexOf('{', at - 1), tries++) {
    const value = parsed(text.slice(at));
    // The outermost one: an inner object ends with the same brace only if the outer one does not parse.
    if (isJsonObject(value)) found = value;
  }
  return found;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
