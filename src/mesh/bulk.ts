// Bulk data: a stream per request. Header one way; chunks and an end (or an error) the other way.
// Whoever reads slowly slows the sender down; whoever stops reading resets the stream.
import type { Connection, Stream } from "@libp2p/interface";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { meshError, reportable, toError } from "./errors.ts";
import { decodeRemoteError, ERROR_KIND, malformed } from "./fields.ts";
import { FrameReader } from "./frame-reader.ts";
import { finish, refuse, writeFrame, writeLargeFrame } from "./frame-writer.ts";
import { encodeFrame } from "./framing.ts";
import { BULK_HEADER_BYTES_MAX, BULK_READ_AHEAD_BYTES, HELLO_MS, WRITE_BYTES } from "./limits.ts";
import type { BulkHandler, NodeId } from "./ports.ts";
import { Slices } from "./slices.ts";

/** Name and version in one. */
export const BULK_PROTOCOL = "/jobx/bulk/1";

/** Kinds of frames on a bulk stream. */
const BULK_KIND = { header: 0, chunk: 1, end: 2 } as const;

const EMPTY = new Uint8Array(0);

/** What both sides need of the mesh. */
export interface BulkContext {
  readonly nowMs: () => number;
  readonly log: Log;
}

/**
 * The answer to a bulk request, chunk by chunk, over `connection`. The stream opens at the first
 * pull and is reset when the reader stops early or `signal` aborts.
 * @throws {JobxError} while it is read: `MESH_REMOTE_ERROR` with the handler's code,
 * `MESH_STREAM_BROKEN` when the connection or the peer ended it, `MESH_FRAME_TOO_LARGE` for a header
 * above `BULK_HEADER_BYTES_MAX`.
 */
export async function* requestBulk(
  connection: Connection,
  header: Uint8Array,
  options: { readonly signal: AbortSignal; readonly context: BulkContext },
): AsyncGenerator<Uint8Array, void, void> {
  const { signal, context } = options;
  checkHeader(header);
  signal.throwIfAborted();
  const stream = await openBulk(connection, signal);
  const reader = new FrameReader(stream, {
    payloadBytesMax: WRITE_BYTES,
    waitingBytesMax: BULK_READ_AHEAD_BYTES,
  });
  const stop = (): void => {
    const reason = toError(signal.reason);
    reader.fail(reason);
    stream.abort(reason);
  };
  signal.addEventListener("abort", stop);
  const slices = new Slices(context.nowMs);
  let ended = false;
  try {
    await writeFrame(stream, encodeFrame(BULK_KIND.header, header), signal);
    for (;;) {
      signal.throwIfAborted();
      const frame = await reader.need();
      if (frame.kind === BULK_KIND.end) break;
      if (frame.kind === ERROR_KIND) throw decodeRemoteError(frame.payload);
      if (frame.kind !== BULK_KIND.chunk) throw malformed();
      yield frame.payload;
      await slices.pause();
    }
    ended = true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof JobxError) throw error;
    // Whatever the stream says of its end, such as a write to the closed one.
    throw meshError({ code: "MESH_STREAM_BROKEN" }, "a bulk stream broke", { cause: error });
  } finally {
    signal.removeEventListener("abort", stop);
    if (ended) finish(stream);
    else stream.abort(new Error("the reader stopped"));
  }
}

/**
 * Answers one inbound bulk stream with what `handler` yields. Never throws: a failure is sent as
 * code and message, and only a failure that is not a `JobxError` is logged.
 */
export async function serveBulk(
  stream: Stream,
  from: NodeId,
  options: { readonly handler: BulkHandler | undefined; readonly context: BulkContext },
): Promise<void> {
  const { handler, context } = options;
  const gone = new AbortController();
  const leave = (): void => gone.abort(new Error("the reader is gone"));
  stream.addEventListener("close", leave);
  if (stream.status !== "open") leave();
  const headerTimer = setTimeout(() => stream.abort(new Error("no header")), HELLO_MS);
  try {
    const reader = new FrameReader(stream, {
      payloadBytesMax: BULK_HEADER_BYTES_MAX,
      waitingBytesMax: BULK_HEADER_BYTES_MAX,
    });
    const { kind, payload } = await reader.need();
    if (kind !== BULK_KIND.header) throw malformed();
    clearTimeout(headerTimer);
    if (handler === undefined) {
      throw meshError({ code: "MESH_BULK_UNHANDLED" }, "this node does not answer bulk requests");
    }
    await sendChunks(stream, handler(from, payload, gone.signal), { signal: gone.signal, context });
    finish(stream);
  } catch (thrown) {
    if (!(thrown instanceof JobxError) && !gone.signal.aborted) {
      context.log.warn("a bulk request failed", { from, error: toError(thrown) });
    }
    refuse(stream, reportable(thrown));
  } finally {
    clearTimeout(headerTimer);
  }
}

async function sendChunks(
  stream: Stream,
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly signal: AbortSignal; readonly context: BulkContext },
): Promise<void> {
  const slices = new Slices(options.context.nowMs);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += WRITE_BYTES) {
      const part = chunk.subarray(at, at + WRITE_BYTES);
      await writeLargeFrame(stream, { kind: BULK_KIND.chunk, payload: part }, options.signal);
      await slices.pause();
    }
  }
  await writeFrame(stream, encodeFrame(BULK_KIND.end, EMPTY), options.signal);
}

async function openBulk(connection: Connection, signal: AbortSignal): Promise<Stream> {
  try {
    return await connection.newStream(BULK_PROTOCOL, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw meshError({ code: "MESH_STREAM_BROKEN" }, "a bulk stream could not be opened", { cause });
  }
}

function checkHeader(header: Uint8Array): void {
  if (header.length <= BULK_HEADER_BYTES_MAX) return;
  throw meshError(
    { code: "MESH_FRAME_TOO_LARGE", bytes: header.length, bytesMax: BULK_HEADER_BYTES_MAX },
    "the header of a bulk request is too large",
  );
}
