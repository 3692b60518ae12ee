/** Bytes of sources that are kept: a few hundred handlers, or a few dozen of the largest. */
const SOURCES_CHARACTERS_MAX = 32 * 1024 * 1024;

/** Sources of handlers by version, so that a worker that starts need not wait for the scheduler. */
export class SourceCache {
  readonly #sources = new Map<string, string>();
  #characters = 0;

  get(version: string): string | undefined {
    return this.#sources.get(version);
  }

  /** Keeps a source, in the place of the oldest ones if need be. */
  set(version: string, source: string): void {
    if (this.#sources.has(version) || source.length > SOURCES_CHARACTERS_MAX) return;
    this.#sources.set(version, source);
    this.#characters += source.length;
    for (const [oldest, text] of this.#sources) {
      if (this.#characters <= SOURCES_CHARACTERS_MAX) return;
      this.#sources.delete(oldest);
      this.#characters -= text.length;
    }
  }
}
