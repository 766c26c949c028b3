// Owns where texts and names begin and end in CEL source, as far as both the template and the step names need it.

/** Position behind the string literal that starts at `start` (at its quote), or -1 when it does not end. */
export function skipString(source: string, start: number): number {
  const quote = source[start] as string;
  const triple = source.startsWith(quote.repeat(3), start);
  const end = triple ? quote.repeat(3) : quote;
  let position = start + end.length;
  while (position < source.length) {
    if (source[position] === '\\') position += 2;
    else if (source.startsWith(end, position)) return position + end.length;
    else position++;
  }
  return -1;
}

export function isQuote(character: string | undefined): boolean {
  return character === "'" || character === '"';
}
