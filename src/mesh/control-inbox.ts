// The receiving end of a control stream: first a hello, then frames for the owner.
import type { Connection, Stream } from "@libp2p/interface";
import { JobxError } from "../std/errors.ts";
import { toError } from "./errors.ts";
import { malformed } from "./fields.ts";
import { refuse } from "./frame-writer.ts";
import { type Frame, FrameDecoder } from "./framing.ts";
import { CONTROL_KIND, decodeHello } from "./hello.ts";

/** Where an inbox delivers. `onData` may throw a `JobxError`: the frame is malformed. */
export interface ControlInboxOptions {
  readonly connection: Connection;
  readonly frameBytesMax: number;
  /** `bootId` is set from now on. */
  onHello(): void;
  onData(frame: Uint8Array): void;
  /** Something came, whatever it is. */
  onHeard(): void;
  /** At most once; with the error if the peer broke the protocol. */
  onEnd(error: Error | undefined): void;
}

/** Decodes one inbound control stream and closes it with a code when it is not what it should be. */
export class ControlInbox {
  readonly connection: Connection;
  readonly #options: ControlInboxOptions;
  readonly #stream: Stream;
  readonly #decoder: FrameDecoder;
  #bootId: string | undefined;
  #ended = false;

  constructor(stream: Stream, options: ControlInboxOptions) {
    this.connection = options.connection;
    this.#stream = stream;
    this.#options = options;
    this.#decoder = new FrameDecoder(options.frameBytesMax);
    stream.addEventListener("message", (event) => {
      const { data } = event;
      if (data instanceof Uint8Array) this.#push(data);
      else for (const part of data) this.#push(part);
    });
    stream.addEventListener("close", () => this.#end());
    stream.addEventListener("remoteCloseWrite", () => this.#end());
    if (stream.status !== "open" && stream.readBufferLength === 0) this.#end();
  }

  /** The peer's boot id once its hello came. */
  get bootId(): string | undefined {
    return this.#bootId;
  }

  #push(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#options.onHeard();
    try {
      this.#decoder.push(chunk, (frame) => {
        if (!this.#ended) this.#take(frame);
      });
    } catch (thrown) {
      // Anything else is a mistake in this program, not in what came.
      if (!(thrown instanceof JobxError)) throw thrown;
      // Ended first: refusing closes the stream, and that must not count as the peer's doing.
      this.#ended = true;
      refuse(this.#stream, thrown);
      this.#options.onEnd(toError(thrown));
    }
  }

  #take(frame: Frame): void {
    if (this.#bootId === undefined) {
      if (frame.kind !== CONTROL_KIND.hello) throw malformed();
      this.#bootId = decodeHello(frame.payload);
      this.#options.onHello();
      return;
    }
    if (frame.kind === CONTROL_KIND.data) this.#options.onData(frame.payload);
    else if (frame.kind !== CONTROL_KIND.keepalive) throw malformed();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.abort(new Error("the stream ended"));
    this.#options.onEnd(undefined);
  }
}
