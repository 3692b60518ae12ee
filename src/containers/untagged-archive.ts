/**
 * An archive of an image without the names that are in it: an engine that loads it gets the image by its id and
 * nothing else, so whoever can write such a file gives no other image's name to it. Format: POSIX tar (ustar
 * with pax or GNU records), in it `manifest.json` and `repositories` of `docker save`, `index.json` of OCI.
 */
import { ContainersError } from "./errors.ts";
import { fieldsOf, listOf, parseAnswer } from "./fields.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;

/** Bytes of one file of an archive that is read whole, and of its records about the next one. */
const WHOLE_BYTES_MAX = 1 << 20;

/** A file of an archive as its header tells it. */
interface Header {
  readonly block: Uint8Array;
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
}

/**
 * The same archive, streamed, with no names of images.
 * @throws {JobxError} `CONTAINER_IMAGE_INVALID` for what is no such archive, or hides what its files are called.
 */
export async function* untagged(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = new Blocks(archive);
  for (;;) {
    const block = await source.take(BLOCK_BYTES);
    // Two blocks of zeros end it; what follows them nobody reads.
    if (block.every((byte) => byte === 0)) break;
    const header = headerOf(block);
    const padding = (BLOCK_BYTES - (header.bytes % BLOCK_BYTES)) % BLOCK_BYTES;
    const rewrite = rewriterOf(header);
    if (rewrite === undefined) {
      yield block;
      yield* source.pass(header.bytes + padding);
      continue;
    }
    if (header.bytes > WHOLE_BYTES_MAX) throw invalid(`its ${header.path} is too large`);
    const content = await source.take(header.bytes);
    await source.take(padding);
    const written = rewrite(content);
    if (written === undefined) continue;
    yield resized(header.block, written.length);
    yield written;
    yield new Uint8Array((BLOCK_BYTES - (written.length % BLOCK_BYTES)) % BLOCK_BYTES);
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

/** How the content of a file is to be changed; undefined: not at all. It gives undefined to leave the file out. */
type Rewriter = (content: Uint8Array) => Uint8Array | undefined;

/** Files in which engines look for names. */
const REWRITERS: ReadonlyMap<string, Rewriter> = new Map<string, Rewriter>([
  ["manifest.json", withoutTags],
  ["index.json", withoutAnnotations],
  ["repositories", () => undefined],
]);

function rewriterOf({ path, type }: Header): Rewriter | undefined {
  if (type === "x") return checkedRecords;
  const isFile = type === "0" || type === "\0";
  const isLinkOrFolder = type === "1" || type === "2" || type === "5";
  // Among them longer names and sparse files, of which readers think differently.
  if (!isFile && !isLinkOrFolder) throw invalid("it has entries of a kind that is not known");
  const name = path.slice(path.lastIndexOf("/") + 1);
  const rewriter = REWRITERS.get(name);
  // Below a folder that is a link it would be the same file as without.
  const isPlain = isFile && name === path;
  if (rewriter !== undefined && !isPlain) throw invalid(`${path} is not what it seems`);
  return rewriter;
}

/** Records about the next file: times and owners, never another name or size than its header has. */
function checkedRecords(content: Uint8Array): Uint8Array {
  const text = Buffer.from(content).toString("latin1");
  if (/(?:^|[\n ])(?:path|size|linkpath|GNU\.[^=]*)=/.test(text)) {
    throw invalid("it has files with names or sizes in records");
  }
  return content;
}

function withoutTags(content: Uint8Array): Uint8Array {
  const images = jsonOf("manifest.json", content);
  if (!Array.isArray(images)) throw invalid("its manifest.json is no list");
  return jsonBytes(images.map((image: unknown) => ({ ...fieldsOf(image), RepoTags: null })));
}

/** Annotations of an OCI index are where engines keep names. */
function withoutAnnotations(content: Uint8Array): Uint8Array {
  const { annotations: _, ...index } = fieldsOf(jsonOf("index.json", content));
  const manifests = listOf(index["manifests"]).map((one) => {
    const { annotations: _names, ...manifest } = fieldsOf(one);
    return manifest;
  });
  return jsonBytes({ ...index, manifests });
}

function jsonOf(path: string, content: Uint8Array): unknown {
  try {
    return parseAnswer(Buffer.from(content).toString("utf8"));
  } catch (cause) {
    throw invalid(`its ${path} is no JSON`, cause);
  }
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function headerOf(block: Uint8Array): Header {
  const bytes = Buffer.from(block);
  const size = field(bytes, 124, 12).trim();
  const sum = Number.parseInt(field(bytes, 148, 8).trim(), 8);
  if (!/^[0-7]{1,12}$/.test(size) || sum !== checksum(block)) throw invalid("it is no tar archive");
  const isUstar = field(bytes, 257, 5) === "ustar" && bytes[262] === 0;
  const prefix = isUstar ? field(bytes, 345, 155) : "";
  const name = field(bytes, 0, NAME_BYTES);
  const written = prefix === "" ? name : `${prefix}/${name}`;
  return {
    block,
    path: plainPath(written),
    type: String.fromCharCode(bytes[156] ?? 0),
    bytes: Number.parseInt(size, 8),
  };
}

/** `./a//b` is `a/b`, as for who unpacks it. @throws {JobxError} `CONTAINER_IMAGE_INVALID` for `..`. */
function plainPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw invalid("it has files outside of itself");
  return parts.join("/");
}

function field(bytes: Buffer, at: number, length: number): string {
  const [text = ""] = bytes.toString("latin1", at, at + length).split("\0");
  return text;
}

/** The sum of all bytes, those of the sum itself taken for spaces. */
function checksum(block: Uint8Array): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

function resized(block: Uint8Array, bytes: number): Uint8Array {
  const header = Buffer.from(block);
  header.write(`${bytes.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** A stream of bytes that is taken in pieces of any length. */
class Blocks {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** So many bytes in one. */
  async take(bytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.pass(bytes)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** So many bytes as they come. */
  async *pass(bytes: number): AsyncGenerator<Uint8Array> {
    let left = bytes;
    while (left > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) throw invalid("it ends in the middle");
        this.#rest = next.value;
      }
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      if (chunk.length > 0) yield chunk;
    }
  }
}

function invalid(reason: string, cause?: unknown): ContainersError {
  return new ContainersError(
    { code: "CONTAINER_IMAGE_INVALID", image: "" },
    `the image's archive is refused: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}
