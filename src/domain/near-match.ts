// Owns "did you mean": which known names lie near a wrong one.

/** Known names within a small edit distance of the wrong one, nearest first, at most three. */
export function nearMatches(wrong: string, known: Iterable<string>): string[] {
  const lower = wrong.toLowerCase();
  const bound = Math.max(2, Math.floor(wrong.length / 3));
  const scored: [number, string][] = [];
  for (const name of known) {
    const candidate = name.toLowerCase();
    if (Math.abs(candidate.length - lower.length) > bound && !candidate.includes(lower) && !lower.includes(candidate)) continue;
    const distance = editDistance(lower.slice(0, 64), candidate.slice(0, 64));
    const contained = lower.length >= 3 && (candidate.includes(lower) || (candidate.length >= 3 && lower.includes(candidate)));
    if (distance <= bound || contained) scored.push([distance, name]);
  }
  return scored
    .sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1))
    .slice(0, 3)
    .map(([, name]) => name);
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((row[j - 1] as number) + 1, (previous[j] as number) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] as number;
}
