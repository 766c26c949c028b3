// Owns how places in a definition are named, and the way back from the normal form to what the user wrote.

/** `steps` + `fetch` -> `steps.fetch`; keys that are no plain words are quoted: `with["a b"]`. */
export function join(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** Remembers where fields of the normal form were written; unknown paths are themselves. */
export class SourcePaths {
  readonly #written = new Map<string, string>();

  /** `steps[2].needs` was written as `steps.fetch.dependsOn`. */
  set(normal: string, written: string): void {
    if (normal !== written) this.#written.set(normal, written);
  }

  /** The written path: the longest remembered prefix is exchanged. */
  of(normal: string): string {
    if (this.#written.size === 0) return normal;
    for (let end = normal.length; end > 0; end = Math.max(normal.lastIndexOf('.', end - 1), normal.lastIndexOf('[', end - 1))) {
      const written = this.#written.get(normal.slice(0, end));
      if (written !== undefined) return written + normal.slice(end);
    }
    return normal;
  }
}

/** `with` and `['a', 0, 'b']` -> `with.a[0].b`. */
export function joinAll(path: string, segments: readonly PropertyKey[]): string {
  return segments.reduce<string>((at, segment) => (typeof segment === 'number' ? `${at}[${segment}]` : join(at, String(segment))), path);
}
