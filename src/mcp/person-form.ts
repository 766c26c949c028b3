// Owns how a question to a person looks as a form of the protocol.
import type { ElicitRequestFormParams } from '@modelcontextprotocol/server';
import type { PersonQuestion } from '../../tools/tool.ts';

type Form = Pick<ElicitRequestFormParams, 'message' | 'requestedSchema'>;

export function formOf({ message, fields, required }: PersonQuestion): Form {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { type, title }]) => [name, { type, title }]));
  return { message, requestedSchema: { type: 'object', properties, required: [...required] } as Form['requestedSchema'] };
}
