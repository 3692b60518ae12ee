/**
 * The protocol between a node and the worker processes that run handlers, version 1.
 *
 * Descriptor 3 carries frames to the worker, descriptor 4 frames from it. A frame is its body's
 * length (4 bytes, big endian), then the body: an object with `kind` (a control message), always JSON
 * text in UTF-8, or an array (a batch of records). The node says hello first and offers versions and
 * codecs; the worker's hello chooses one of each. With `json` batches are JSON. With `msgpack` the
 * worker may write any of its batches as MessagePack: null, booleans, integers, 64-bit floats, text,
 * arrays, and maps with text as keys. The first byte of a body tells which it is. The node's batches
 * are JSON with either. Then calls follow one another:
 *
 *   node:   start, batches of input, input-end
 *   worker: direction (a mapper's first word), batches of output, done or failed
 *
 * The node may send calls ahead, whole ones with all of their input; the worker runs them one after the
 * other and writes the end of each before it begins the next, so that it is known which one ran when
 * it dies.
 *
 * Both sides stream at once. The worker may end a call before its input has ended: the node then
 * sends no more of it, and the worker drops batches and an `input-end` that arrive outside a call.
 * End of file on descriptor 3 means that the node is gone: the worker exits at once.
 *
 * Records: `[key, value]` for pairs; `[key, [value, ...]]` for groups, with a third element `1`
 * when more values of the same key follow in the next record.
 */
import { readUint32, writeUint32 } from "../std/bytes.ts";
import { readValue } from "./value-reader.ts";
import { malformed, WorkerProtocolError } from "./worker-protocol-errors.ts";

/** The version that both hellos must agree on. */
export const WORKER_PROTOCOL_VERSION = 1;

/** Exit code of a worker in which something threw while no call ran (EX_SOFTWARE). */
export const WORKER_EXIT_STRAY = 70;

/** Largest body of a frame: a value may be that large; more than that belongs in a file. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Bytes before a frame's body. */
export const FRAME_HEADER_BYTES = 4;

/** Records in a batch: enough to make the cost per batch vanish, few enough to keep latency low. */
export const BATCH_RECORDS_MAX = 256;

/** Bytes after which a batch is closed, the size of a pipe's buffer. */
export const BATCH_BYTES_MAX = 64 * 1024;

/** How a worker writes its batches. JSON is known to all. */
export type WorkerCodec = "json" | "msgpack";

/** What a node offers, the one that it prefers first. */
export const WORKER_CODECS = ["msgpack", "json"] as const satisfies readonly WorkerCodec[];

/** How a Python source is written; JavaScript has the plain form only. */
export type HandlerForm = "plain" | "body";

/** Levels of what handlers log. */
export type WorkerLogLevel = "debug" | "info" | "warn" | "error";

/** A line of a handler's log, among what it prints. */
export function logLine(level: WorkerLogLevel, text: string): string {
  return `[${level}] ${text}\n`;
}

/** How a call reaches the volume of its workflow: over HTTP at its own node, as long as its attempt lives. */
export interface VolumeAccess {
  /** Of the node's API. */
  readonly url: string;
  readonly workflow: string;
  /** Allows the files of the workflow, and nothing else; void with the attempt's end. */
  readonly token: string;
  /** Where the volume is mounted on this machine, if it is. */
  readonly mount?: string | undefined;
}

/** Values of secrets by their names. */
export type Secrets = Readonly<Record<string, string>>;

/** How an executable in line mode reads and writes records. */
export interface LineForm {
  readonly codec: "tsv" | "ndjson";
  /** Between key and value with tsv. */
  readonly separator: string;
}

/** One handler call, as its worker is told. */
export interface StartMessage {
  readonly kind: "start";
  /** Counts the calls of this worker; its end repeats it. */
  readonly call: number;
  readonly handler: {
    readonly name: string;
    readonly version: string;
    readonly type: string;
    readonly argumentType: string | null;
    /** The file to load or start, where the handler's files are on this machine; there is no source then. */
    readonly main?: string | undefined;
    /** Of executables in line mode only. */
    readonly lines?: LineForm | undefined;
    /** Of these: values in its input were sealed, and are not for its environment. */
    readonly unseals?: boolean | undefined;
  };
  /** Null when this worker has run the handler of this name at this version before. */
  readonly source: string | null;
  /** Becomes the current directory; null for the worker's own, which is empty when a call begins. */
  readonly directory: string | null;
  /**
   * Where what the handler logs goes: as lines between what it prints, or, where calls of several
   * attempts follow one another, in messages of its call.
   */
  readonly logs: "printed" | "told";
  /** What the mapper of the invocation kept; empty except for reducers. */
  readonly session: readonly (readonly [unknown, unknown])[];
  readonly names: {
    readonly request: string;
    readonly invocation: string;
    readonly step: string;
    /** What a mapper is given the content of, in a request over a list. */
    readonly object?: string | undefined;
    /** A mapper of the same step has made the argument; told to containers alone. */
    readonly fromOwnStep?: boolean | undefined;
  };
  /** Absent where nobody offers a volume. */
  readonly volume?: VolumeAccess | undefined;
  /** Those that its metadata names; absent where it names none. */
  readonly secrets?: Secrets | undefined;
}

/** What a node says to a worker. */
export type ToWorker =
  | {
      readonly kind: "hello";
      readonly versions: readonly number[];
      readonly codecs: readonly string[];
    }
  | StartMessage
  | { readonly kind: "input-end" }
  /**
   * The call is given up. One that runs may end; the worker is killed soon after, whatever it does.
   * One that has not begun may be skipped: the worker says done without running it.
   */
  | { readonly kind: "cancel"; readonly call: number }
  | {
      readonly kind: "check";
      readonly call: number;
      readonly file: string;
      readonly type: string;
      readonly source: string;
      /** True for the main file of a bundle, which may be CommonJS. */
      readonly isBundle?: boolean | undefined;
    };

/** What a worker says to its node. */
export type FromWorker =
  | { readonly kind: "hello"; readonly version: number; readonly codec: WorkerCodec }
  /** A mapper's first word: the step to map to, or null for "return". */
  | { readonly kind: "direction"; readonly step: string | null }
  | { readonly kind: "session-set"; readonly key: unknown; readonly value: unknown }
  | { readonly kind: "log"; readonly level: WorkerLogLevel; readonly text: string }
  /** `logged` are the bytes of its prints that are lines of its log. */
  | { readonly kind: "done"; readonly call: number; readonly logged: number }
  | {
      readonly kind: "failed";
      readonly call: number;
      readonly code: string;
      readonly message: string;
      readonly traceback: string;
    }
  /** `source` is what will run: for TypeScript with the types blanked out. */
  | {
      readonly kind: "checked";
      readonly call: number;
      readonly form: HandlerForm;
      readonly source: string;
    }
  | {
      readonly kind: "refused";
      readonly call: number;
      readonly line: number;
      readonly reason: string;
    };

/** A frame's body after parsing: still `unknown` where only the receiver knows what it wants. */
export type FrameBody =
  | { readonly kind: "batch"; readonly records: readonly unknown[] }
  | { readonly kind: "control"; readonly fields: Readonly<Record<string, unknown>> };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const BRACE = 0x7b;
const BRACKET = 0x5b;

/** True for a first byte of an array in MessagePack, which is the first byte of no JSON text. */
function isPackedArray(first: number | undefined): boolean {
  if (first === undefined || first < 0x90) return false;
  return first < 0xa0 || first === 0xdc || first === 0xdd;
}

/**
 * A frame with this text as its body.
 * @throws {JobxError} `WORKER_FRAME_TOO_LARGE` beyond `FRAME_BYTES_MAX`.
 */
export function encodeFrame(text: string): Uint8Array<ArrayBuffer> {
  return frameOf(encoder.encode(text));
}

/**
 * A frame with these bytes as its body; they are copied.
 * @throws {JobxError} `WORKER_FRAME_TOO_LARGE` beyond `FRAME_BYTES_MAX`.
 */
export function frameOf(body: Uint8Array): Uint8Array<ArrayBuffer> {
  checkLength(body.length);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeUint32(frame, 0, body.length);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

/** A control message as a frame. @throws {JobxError} `WORKER_FRAME_TOO_LARGE` when it is too long. */
export function encodeMessage(message: ToWorker | FromWorker): Uint8Array<ArrayBuffer> {
  return encodeFrame(JSON.stringify(message));
}

/**
 * Parses a frame's body.
 * @throws {JobxError} `WORKER_FRAME_MALFORMED` for what is no JSON object with a `kind`, and no array.
 */
export function parseBody(body: Uint8Array): FrameBody {
  let value: unknown;
  if (isPackedArray(body[0])) {
    value = readValue(body);
    if (Array.isArray(value)) return { kind: "batch", records: value };
  }
  try {
    value = JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw malformed("not JSON", cause);
  }
  if (Array.isArray(value)) return { kind: "batch", records: value };
  if (typeof value !== "object" || value === null) throw malformed("neither object nor array");
  return { kind: "control", fields: Object.fromEntries(Object.entries(value)) };
}

/**
 * Cuts a stream of bytes into frames. Total: any bytes give frames or a coded error, and no more
 * than one frame beyond the pushed bytes is ever held.
 */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  /** Bytes of `#chunks` that no frame has taken yet. */
  #bytes = 0;
  /** Where in the first chunk the untaken bytes begin. */
  #start = 0;
  /** What the other side may write besides JSON. */
  codec: WorkerCodec = "json";

  /** Bytes that wait to be taken. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** Adds bytes; the reader keeps the array and does not change it. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /**
   * The body of the next frame, or undefined until more bytes come.
   * @throws {JobxError} `WORKER_FRAME_TOO_LARGE`, `WORKER_FRAME_MALFORMED` as soon as the first
   * bytes show it; the stream is of no use afterwards.
   */
  next(): Uint8Array | undefined {
    if (this.#bytes <= FRAME_HEADER_BYTES) return undefined;
    const head = this.#peek(FRAME_HEADER_BYTES + 1);
    const length = readUint32(head, 0);
    const first = head[FRAME_HEADER_BYTES];
    // Looking at the first byte finds most garbage before a wrong length makes everybody wait.
    const isPacked = this.codec === "msgpack" && isPackedArray(first);
    if (first !== BRACE && first !== BRACKET && !isPacked) {
      throw malformed("neither object nor array");
    }
    checkLength(length);
    const whole = FRAME_HEADER_BYTES + length;
    if (this.#bytes < whole) return undefined;
    const frame = this.#peek(whole);
    this.#drop(whole);
    return frame.subarray(FRAME_HEADER_BYTES);
  }

  /** The first `count` bytes, joined if they are spread over chunks. */
  #peek(count: number): Uint8Array {
    const first = this.#chunks[0];
    if (first !== undefined && first.length - this.#start >= count) {
      return first.subarray(this.#start, this.#start + count);
    }
    const joined = new Uint8Array(count);
    let filled = 0;
    let start = this.#start;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(start, start + count - filled);
      joined.set(part, filled);
      filled += part.length;
      start = 0;
      if (filled === count) break;
    }
    return joined;
  }

  #drop(count: number): void {
    this.#bytes -= count;
    let at = this.#start + count;
    let spent = 0;
    for (const chunk of this.#chunks) {
      if (at < chunk.length) break;
      at -= chunk.length;
      spent++;
    }
    if (spent > 0) this.#chunks.splice(0, spent);
    this.#start = at;
  }
}

function checkLength(bytes: number): void {
  if (bytes <= FRAME_BYTES_MAX) return;
  throw new WorkerProtocolError(
    { code: "WORKER_FRAME_TOO_LARGE", bytes, bytesMax: FRAME_BYTES_MAX },
    "a frame is larger than the protocol allows",
  );
}
