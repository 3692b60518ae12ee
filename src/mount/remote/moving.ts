/** Content on its way, and whether it still moves: a node that stands still is not waited for as long as content takes. */

/** Passes content on; each part that is taken counts as a sign of life. */
export class Moving {
  readonly content: ReadableStream<Uint8Array>;
  readonly #msMax: number;
  #timer: NodeJS.Timeout | undefined;
  #stall: () => void = () => undefined;

  constructor(content: ReadableStream<Uint8Array>, msMax: number) {
    this.#msMax = msMax;
    const moved = (): void => this.#moved();
    this.content = content.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(part, controller) {
          moved();
          controller.enqueue(part);
        },
      }),
    );
  }

  /** What comes of `run`, or undefined when nothing has moved for so long, before or after the last part. */
  async whileMoving<Result>(run: Promise<Result>): Promise<Result | undefined> {
    const stalled = new Promise<undefined>((resolve) => {
      this.#stall = () => resolve(undefined);
    });
    this.#moved();
    try {
      return await Promise.race([run, stalled]);
    } finally {
      clearTimeout(this.#timer);
      this.#stall = () => undefined;
    }
  }

  #moved(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stall(), this.#msMax);
  }
}
