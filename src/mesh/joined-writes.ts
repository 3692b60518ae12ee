// Fewer writes for the same bytes. The libraries hand a frame down as a list of parts, and each part
// becomes a TLS record, a system call and a packet of its own; and the muxer answers every frame with
// new window for the sender. Joined, a message is one write, and windows ride along with what is said.
import type { ConnectionEncrypter, StreamMuxerFactory } from "@libp2p/interface";

/** Bytes in one piece or, without an argument to `subarray`, about to be. */
export interface Joinable {
  subarray(): Uint8Array;
}

/** What is joined: as much of a stream of libp2p as that needs. */
export interface Sender {
  readonly writableNeedsDrain: boolean;
  send(data: Joinable): boolean;
}

/**
 * Window that may be held back on a connection: a quarter of the least window that a stream has, so
 * that whoever waits for it always has more to use up first, and then gets it.
 */
const HELD_BYTES_MAX = 64 * 1024;

/** A frame of yamux without data. */
const FRAME_BYTES = 12;
const TYPE_AT = 1;
const FLAGS_AT = 2;
const STREAM_AT = 4;
const LENGTH_AT = 8;
const WINDOW_UPDATE = 1;

/** The encrypter with one write below it for each above. */
export function joinedEncrypter<C, E>(
  encrypter: (components: C) => ConnectionEncrypter<E>,
): (components: C) => ConnectionEncrypter<E> {
  return (components) => {
    const inner = encrypter(components);
    return {
      protocol: inner.protocol,
      secureInbound: (connection, options) => {
        joinWrites(connection);
        return inner.secureInbound(connection, options);
      },
      secureOutbound: (connection, options) => {
        joinWrites(connection);
        return inner.secureOutbound(connection, options);
      },
    };
  };
}

/** The muxer, yamux, with one write for each frame and windows that ride along. */
export function joinedMuxer(muxer: () => StreamMuxerFactory): () => StreamMuxerFactory {
  return () => {
    const inner = muxer();
    return {
      protocol: inner.protocol,
      createStreamMuxer: (connection) => {
        joinFrames(connection);
        return inner.createStreamMuxer(connection);
      },
    };
  };
}

/** From now on every `send` is one buffer for whoever is below. */
export function joinWrites(stream: Sender): void {
  const send = stream.send.bind(stream);
  stream.send = (data) => send(data.subarray());
}

/**
 * Like `joinWrites`, for frames of yamux: window updates wait for the next frame, or until they are many.
 * Frames for a connection that is closed are dropped, since yamux opens streams in a microtask, where an error
 * that is thrown ends the process; streams hear of the end by themselves.
 */
export function joinFrames(stream: Sender): void {
  const send = unlessClosed(stream.send.bind(stream));
  const held = new HeldWindow();
  stream.send = (data) => {
    const frame = data.subarray();
    if (isWindowUpdate(frame)) {
      held.add(frame);
      if (held.bytes < HELD_BYTES_MAX) return !stream.writableNeedsDrain;
      return send(held.before(new Uint8Array(0)));
    }
    return send(held.before(frame));
  };
}

/** False for what comes too late. */
function unlessClosed(send: Sender["send"]): Sender["send"] {
  return (data) => {
    try {
      return send(data);
    } catch (error) {
      if (error instanceof Error && error.name === "StreamStateError") return false;
      throw error;
    }
  };
}

/** With flags it also opens, acknowledges or ends a stream, and must go at once. */
function isWindowUpdate(frame: Uint8Array): boolean {
  return (
    frame.length === FRAME_BYTES &&
    frame[TYPE_AT] === WINDOW_UPDATE &&
    frame[FLAGS_AT] === 0 &&
    frame[FLAGS_AT + 1] === 0
  );
}

/** Window updates of a connection that were not sent yet, one for each stream. */
class HeldWindow {
  readonly #streams = new Map<number, number>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const stream = view.getUint32(STREAM_AT);
    const bytes = view.getUint32(LENGTH_AT);
    this.#streams.set(stream, (this.#streams.get(stream) ?? 0) + bytes);
    this.#bytes += bytes;
  }

  /** What was held and then `frame`, in one buffer. */
  before(frame: Uint8Array): Uint8Array {
    if (this.#streams.size === 0) return frame;
    const joined = new Uint8Array(this.#streams.size * FRAME_BYTES + frame.length);
    const view = new DataView(joined.buffer);
    let at = 0;
    for (const [stream, bytes] of this.#streams) {
      view.setUint8(at + TYPE_AT, WINDOW_UPDATE);
      view.setUint32(at + STREAM_AT, stream);
      view.setUint32(at + LENGTH_AT, bytes);
      at += FRAME_BYTES;
    }
    joined.set(frame, at);
    this.#streams.clear();
    this.#bytes = 0;
    return joined;
  }
}
