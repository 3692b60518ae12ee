/**
 * Reads requests from the device, has a session answer them, and writes the answers: each with one write.
 * A few reads are outstanding, each into a buffer of its own; a buffer is used again when nobody refers to
 * it, and when all are in use, or too many requests are under way, nothing is read: the kernel holds its
 * callers back.
 */
import { errorText, isJobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { LogOnce } from "../std/log-once.ts";
import type { Answer } from "./context.ts";
import type { Device } from "./device.ts";
import { ERRNO, errnoOf, isUnforeseen } from "./errno.ts";
import { WRITE_BYTES_MAX } from "./protocol/init.ts";
import { replyHeader } from "./protocol/reply.ts";
import {
  decodeBody,
  decodeHeader,
  type RequestBody,
  type RequestHeader,
} from "./protocol/request.ts";
import type { Operation, Session } from "./session.ts";

/** Reads that wait in the kernel at once; each holds a thread of the pool. */
export const READERS_MAX = 2;

/** Buffers of a little more than a mebibyte: so many writes may wait for the local disk or a commit. */
export const BUFFERS_MAX = 16;

/** Requests that are under way; more stay with the kernel. */
export const REQUESTS_MAX = 256;

/** Requests whose caller was let go, or waits: beyond it new ones are refused with EAGAIN. */
export const RUNNING_MAX = 4096;

/** How long a caller that was interrupted may still have to wait for its answer, milliseconds. */
export const INTERRUPT_MS_MAX = 2_000;

/**
 * How long a volume may take for anything but content, milliseconds. While a name is looked up the kernel
 * makes nothing in its directory, and whoever waits for that cannot even be killed.
 */
export const REQUEST_MS_MAX = 20_000;

/**
 * How long a volume may take to read, or to take, content, milliseconds: as it should move all the time,
 * this only keeps a volume that is silent from holding processes for ever, also those that were killed.
 */
export const CONTENT_MS_MAX = 900_000;

/** How often it is looked for requests that wait too long, milliseconds. */
const SWEEP_MS = 500;

/** A request's header and what stands before the data of a WRITE, generously. */
const BUFFER_BYTES = WRITE_BYTES_MAX + 8192;

/** They take as long as their content is long. */
const MOVES_CONTENT: ReadonlySet<RequestBody["kind"]> = new Set([
  "write",
  "flush",
  "fsync",
  "release",
  "setattr",
  "read",
]);

interface Waiting {
  readonly unique: number;
  readonly kind: RequestBody["kind"];
  readonly pid: number;
  readonly sinceMs: number;
  interruptedMs: number | undefined;
}

export interface ServeOptions {
  readonly device: Device;
  readonly session: Pick<Session, "answer" | "forget">;
  /** Whether a process is ending because it was killed. */
  readonly isKilled: (pid: number) => boolean;
  readonly nowMs: () => number;
  readonly log: Log;
}

export class ServeLoop {
  readonly #options: ServeOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #free: Buffer[] = [];
  readonly #wakers: (() => void)[] = [];
  readonly #logged = new LogOnce();
  #buffers = 0;
  #running = 0;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  /** Serves until the file system is unmounted or its connection was aborted. */
  async run(): Promise<void> {
    const sweep = setInterval(() => this.#sweep(), SWEEP_MS);
    try {
      await Promise.all(Array.from({ length: READERS_MAX }, () => this.#readAll()));
    } finally {
      clearInterval(sweep);
    }
  }

  async #readAll(): Promise<void> {
    for (;;) {
      while (this.#waiting.size >= REQUESTS_MAX) await this.#woken();
      const buffer = await this.#buffer();
      const bytesRead = await this.#options.device.read(buffer);
      if (bytesRead === undefined) return;
      const request = buffer.subarray(0, bytesRead);
      const keepsBuffer = bytesRead > 0 && this.#take(request, () => this.#giveBack(buffer));
      if (!keepsBuffer) this.#giveBack(buffer);
    }
  }

  async #buffer(): Promise<Buffer> {
    for (;;) {
      const free = this.#free.pop();
      if (free !== undefined) return free;
      if (this.#buffers < BUFFERS_MAX) {
        this.#buffers += 1;
        return Buffer.allocUnsafeSlow(BUFFER_BYTES);
      }
      await this.#woken();
    }
  }

  #giveBack(buffer: Buffer): void {
    this.#free.push(buffer);
    this.#wake();
  }

  /** Readers wait for different things, so each looks for itself. */
  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve);
    });
  }

  /** True when `request` is referred to until `onDone`. */
  #take(request: Buffer, onDone: () => void): boolean {
    let header: RequestHeader | undefined;
    try {
      header = decodeHeader(request);
      const body = decodeBody(header, request);
      if (body.kind === "forget") this.#options.session.forget(body.nodeIds);
      else if (body.kind === "interrupt") this.#interrupt(body.unique);
      else if (body.kind === "destroy") this.#reply(header.unique, 0, []);
      else {
        const keeps = body.kind === "write";
        void this.#answer(header, body).then(keeps ? onDone : () => this.#wake());
        return keeps;
      }
      return false;
    } catch (error) {
      this.#refuse(header, error);
      return false;
    }
  }

  async #answer(header: RequestHeader, operation: Operation): Promise<void> {
    const { unique, pid } = header;
    const waiting: Waiting = {
      unique,
      kind: operation.kind,
      pid,
      sinceMs: this.#options.nowMs(),
      interruptedMs: undefined,
    };
    if (this.#running >= RUNNING_MAX) {
      this.#reply(unique, ERRNO.EAGAIN, []);
      return;
    }
    this.#waiting.set(unique, waiting);
    this.#running += 1;
    try {
      const answer = await this.#options.session.answer(header, operation);
      const isWanted = this.#waiting.get(unique) === waiting;
      if (!isWanted || !this.#reply(unique, 0, answer.parts)) await this.#undo(answer);
    } catch (error) {
      if (isUnforeseen(error)) this.#logOnce(operation.kind, errorText(error));
      if (this.#waiting.get(unique) === waiting) this.#reply(unique, errnoOf(error), []);
    } finally {
      this.#running -= 1;
      if (this.#waiting.get(unique) === waiting) this.#waiting.delete(unique);
    }
  }

  /** What the kernel does not know of is not left open. */
  async #undo(answer: Answer): Promise<void> {
    await answer.undo?.();
  }

  #refuse(header: RequestHeader | undefined, error: unknown): void {
    const code = isJobxError(error) ? error.code : "";
    if (code === "MOUNT_REQUEST_MALFORMED" || code === "") {
      this.#logOnce(`malformed ${header?.opcode ?? ""}`, errorText(error));
    }
    if (header !== undefined) this.#reply(header.unique, errnoOf(error), []);
  }

  #logOnce(what: string, error: string): void {
    if (!this.#logged.due(what, this.#options.nowMs())) return;
    this.#options.log.warn("a request of the kernel was answered with EIO", { what, error });
  }

  /** The kernel only says it; what is done as if nobody had called goes on for a moment. */
  #interrupt(unique: number): void {
    const waiting = this.#waiting.get(unique);
    if (waiting !== undefined) waiting.interruptedMs ??= this.#options.nowMs();
  }

  /** Lets callers go that were interrupted, and those whose volume does not answer. */
  #sweep(): void {
    const nowMs = this.#options.nowMs();
    for (const waiting of this.#waiting.values()) {
      const { unique, kind, pid, sinceMs } = waiting;
      // The kernel closes for a process that was killed, and may not be interrupted in that.
      const mayBeKilled = kind === "flush" && waiting.interruptedMs === undefined;
      if (mayBeKilled && this.#options.isKilled(pid)) waiting.interruptedMs = nowMs;
      const { interruptedMs } = waiting;
      const isInterrupted =
        interruptedMs !== undefined && nowMs - interruptedMs >= INTERRUPT_MS_MAX;
      const msMax = MOVES_CONTENT.has(kind) ? CONTENT_MS_MAX : REQUEST_MS_MAX;
      const isLate = nowMs - sinceMs >= msMax;
      if (!isInterrupted && !isLate) continue;
      this.#waiting.delete(unique);
      this.#reply(unique, isInterrupted ? ERRNO.EINTR : ERRNO.ETIMEDOUT, []);
      this.#wake();
    }
  }

  /** False when nobody waits for it any more. */
  #reply(unique: number, errno: number, parts: readonly Uint8Array[]): boolean {
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    try {
      return this.#options.device.reply([replyHeader(unique, errno, bytes), ...parts]);
    } catch (error) {
      this.#logOnce("reply", errorText(error));
      return false;
    }
  }
}
