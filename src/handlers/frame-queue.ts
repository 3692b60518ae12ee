/** Frames that may wait between a mapper and its combiner: both are busy, and memory stays small. */
const FRAMES_MAX = 4;

/** A bounded queue of frames with one writer and one reader. A reader that leaves opens it wide. */
export class FrameQueue implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #frames: Uint8Array[] = [];
  #closed = false;
  #abandoned = false;
  #reader: (() => void) | undefined;
  #writer: (() => void) | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Resolves when there is room for more. */
  async push(frame: Uint8Array): Promise<void> {
    if (this.#abandoned) return;
    this.#frames.push(frame);
    this.#reader?.();
    if (this.#frames.length < FRAMES_MAX) return;
    await new Promise<void>((resolve) => {
      this.#writer = resolve;
    });
  }

  /** No more frames will come. */
  close(): void {
    this.#closed = true;
    this.#reader?.();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        this.#writer?.();
        return { value: frame, done: false };
      }
      if (this.#closed) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#reader = resolve;
      });
    }
  }

  /** The reader wants no more: what is pushed from now on is dropped. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.abandon();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** As `return`; ends a waiting reader as well. */
  abandon(): void {
    this.#abandoned = true;
    this.#frames.length = 0;
    this.#writer?.();
    this.close();
  }
}
