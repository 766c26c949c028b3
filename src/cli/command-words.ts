// Owns taking a command line apart into a program and its arguments: quotes and backslashes, nothing is expanded, there is no shell.
import { LogisticsError } from '../domain/errors.ts';

/** `claude -p "do it"` -> `claude`, `-p`, `do it`. Throws invalid_input for an open quote, or when nothing is left. */
export function commandWords(text: string, flag: string): readonly [file: string, ...args: string[]] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    const next = text[at + 1];
    // A backslash alone is a letter: paths of Windows hold many.
    if (letter === '\\' && quote !== "'" && next !== undefined && /["'\\\s]/.test(next)) {
      word = (word ?? '') + next;
      at++;
    } else if (quote !== null) {
      if (letter === quote) quote = null;
      else word = (word ?? '') + letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + letter;
  }
  if (word !== null) words.push(word);
  const [file, ...args] = words;
  if (quote !== null || file === undefined || file === '') {
    throw new LogisticsError('invalid_input', quote === null ? 'There is no command.' : `A quote (${quote}) is not closed.`, {
      path: flag,
      expected: 'a program and its arguments, for example "claude -p --output-format json"',
    });
  }
  return [file, ...args];
}
