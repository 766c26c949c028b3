// Owns names of schedules that nobody named: that of the target, or with a few random letters when it is taken.

/** Letters: there are a thousand million endings. */
const SUFFIX = 6;

/** `newId` gives ids that end in random letters. */
export function freeName(text: string, isFree: (name: string) => boolean, newId: () => string): string {
  const clean = text.replaceAll(/[^A-Za-z0-9_.:-]/g, '-').replace(/^[.:-]+/, '');
  const base = clean.slice(0, 80) || 'schedule';
  let name = base;
  while (!isFree(name)) name = `${base}-${newId().slice(-SUFFIX).toLowerCase()}`;
  return name;
}
