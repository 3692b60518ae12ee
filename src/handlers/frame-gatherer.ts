import type { Socket } from "node:net";

/** Bytes that are gathered into one write; larger frames are written as they are. */
const GATHER_BYTES_MAX = 16 * 1024;

/** Input that may wait in this process before the next is asked for, bytes. */
const UNSENT_BYTES_MAX = 256 * 1024;

/**
 * Joins the frames of a call's beginning into one write: for a small call that is all of it. What
 * has gathered leaves by itself at the end of the turn, so that nobody waits for slow input.
 */
export class FrameGatherer {
  readonly #socket: Socket;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #soon: NodeJS.Immediate | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Takes a frame. */
  add(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#bytes >= GATHER_BYTES_MAX) this.flush();
    else this.#soon ??= setImmediate(() => this.flush());
  }

  /** A promise when the caller has to wait before it adds more. */
  room(): Promise<void> | undefined {
    return this.#socket.writableLength > UNSENT_BYTES_MAX ? this.#drained() : undefined;
  }

  /** Forgets what has gathered: it is of a call that has ended, and would end up in the next one. */
  drop(): void {
    this.#frames = [];
    this.#bytes = 0;
  }

  /** Writes what has gathered. */
  flush(): void {
    if (this.#soon !== undefined) clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#frames.length === 0) return;
    const [first] = this.#frames;
    const bytes =
      this.#frames.length === 1 && first !== undefined
        ? first
        : Buffer.concat(this.#frames, this.#bytes);
    this.#frames = [];
    this.#bytes = 0;
    this.#socket.write(bytes);
  }

  #drained(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (!socket.writableNeedDrain || socket.destroyed) return resolve();
      const settle = () => {
        socket.off("drain", settle);
        socket.off("close", settle);
        resolve();
      };
      socket.on("drain", settle);
      socket.on("close", settle);
    });
  }
}
