// Owns how the examples of the tools become one story that can be called: ids that an example makes up are those that earlier replies told.
import type { Json, JsonObject } from '../../src/domain/json.ts';

const ID = /^([a-z]+)_[0-9a-hjkmnp-tv-z]{26}$/;

/** What was told so far: the newest id of each prefix, and the token of the newest lease. */
export class Story {
  readonly #ids = new Map<string, string>();
  #lease: Json | undefined;

  /** Takes up what a reply tells. */
  hear(reply: Json): void {
    if (typeof reply === 'string') {
      const prefix = ID.exec(reply)?.[1];
      if (prefix !== undefined) this.#ids.set(prefix, reply);
    } else if (Array.isArray(reply)) for (const item of reply) this.hear(item);
    else if (reply !== null && typeof reply === 'object') {
      for (const [name, value] of Object.entries(reply)) {
        if (name === 'lease_token' && value !== undefined) this.#lease = value;
        else if (value !== undefined) this.hear(value);
      }
    }
  }

  /** The arguments of an example as they can be sent now. */
  tell(example: JsonObject): JsonObject {
    return this.#filled(example) as JsonObject;
  }

  #filled(value: Json): Json {
    if (typeof value === 'string') return this.#ids.get(ID.exec(value)?.[1] ?? '') ?? value;
    if (Array.isArray(value)) return value.map((item) => this.#filled(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, name === 'lease_token' ? (this.#lease ?? item ?? null) : this.#filled(item ?? null)]),
    );
  }
}
