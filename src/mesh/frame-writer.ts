// Writes frames into streams: waits while the stream is full, ends streams without leaving halves.
import type { Stream } from "@libp2p/interface";
import { meshError, toError } from "./errors.ts";
import { ERROR_KIND, encodeRemoteError } from "./fields.ts";
import { encodeFrame, encodeHead, type Frame } from "./framing.ts";
import { BULK_STALL_MS } from "./limits.ts";

/** How long a closed stream may wait for the other side to close too, ms. */
const CLOSE_MS = 1_000;

/**
 * Writes, and waits until the stream takes more.
 * @throws {JobxError} `MESH_STREAM_BROKEN` when the stream closes, `MESH_STREAM_STALLED` when the
 * reader takes nothing for `BULK_STALL_MS`; and the signal's reason when that ends the wait.
 */
export async function writeFrame(
  stream: Stream,
  frame: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (stream.writeStatus !== "writable") throw broken();
  stream.send(frame);
  while (stream.writableNeedsDrain) await drained(stream, signal);
}

/**
 * As `writeFrame`, of a payload that may be large: it is not copied to stand behind its head.
 * @throws {JobxError} as `writeFrame`.
 */
export async function writeLargeFrame(
  stream: Stream,
  frame: Frame,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (stream.writeStatus !== "writable") throw broken();
  stream.send(encodeHead(frame));
  await writeFrame(stream, frame.payload, signal);
}

/** The library's own wait for a drain answers at once from the second time on, so we listen ourselves. */
function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      stream.removeEventListener("drain", onDrain);
      stream.removeEventListener("close", onClose);
      signal.removeEventListener("abort", onAbort);
      clearTimeout(stalled);
      // Only after the stream has tried to send what it holds can it say whether it is full again.
      if (error === undefined) setImmediate(resolve);
      else reject(error);
    };
    const onDrain = (): void => settle();
    const onClose = (): void => settle(broken());
    const onAbort = (): void => settle(toError(signal.reason));
    const stalled = setTimeout(() => {
      settle(meshError({ code: "MESH_STREAM_STALLED" }, "the reader of a stream takes nothing"));
    }, BULK_STALL_MS);
    stream.addEventListener("drain", onDrain);
    stream.addEventListener("close", onClose);
    signal.addEventListener("abort", onAbort);
    if (stream.writeStatus !== "writable") onClose();
  });
}

function broken(): Error {
  return meshError({ code: "MESH_STREAM_BROKEN" }, "the stream closed while it was written");
}

/** Writes at once, whatever the state of the stream: for small frames whose loss matters to nobody. */
export function tryWrite(stream: Stream, kind: number, payload: Uint8Array): void {
  if (stream.writeStatus !== "writable") return;
  try {
    stream.send(encodeFrame(kind, payload));
  } catch {
    // The stream was closed between: then nobody is there to read this.
  }
}

/** Tells the other side the code and resets the stream; later frames are not read. */
export function refuse(
  stream: Stream,
  error: { readonly code: string; readonly message: string },
): void {
  tryWrite(stream, ERROR_KIND, encodeRemoteError(error));
  stream.abort(new Error(error.code));
}

/** Closes our side once all is written; the stream is gone at latest after a second. */
export function finish(stream: Stream): void {
  const signal = AbortSignal.timeout(CLOSE_MS);
  stream.close({ signal }).catch((thrown: unknown) => stream.abort(toError(thrown)));
}
