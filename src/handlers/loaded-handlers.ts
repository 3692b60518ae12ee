/** What a worker has loaded: its source need not be sent again. */

/** A handler as workers tell it from others: two files with the same text are two handlers. */
export interface HandlerVersion {
  readonly name: string;
  readonly version: string;
}

/** The handlers, at their versions, that one worker has run. */
export class LoadedHandlers {
  readonly #keys = new Set<string>();

  get size(): number {
    return this.#keys.size;
  }

  add(handler: HandlerVersion): void {
    this.#keys.add(keyOf(handler));
  }

  has(handler: HandlerVersion): boolean {
    return this.#keys.has(keyOf(handler));
  }
}

/** A version is hexadecimal, so that the blank ends it. */
function keyOf({ name, version }: HandlerVersion): string {
  return `${version} ${name}`;
}
