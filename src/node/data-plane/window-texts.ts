/** Windows of stored content on their way between the threads. */
import type { StoredWindow } from "../../fs/file-blocks.ts";
import type { SealedChunk } from "../../fs/seal.ts";
import { assert } from "../../std/assert.ts";

/** Each window as text. */
export async function* windowTexts(
  windows: AsyncIterable<StoredWindow>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { chunks, root = null, sha256 = null } of windows) {
    const list = chunks.map(({ cid, bytes, plain }) => [cid, bytes, plain]);
    yield Buffer.from(JSON.stringify({ chunks: list, root, sha256 }), "utf8");
  }
}

/** The window of a text. */
export function windowOf(text: Uint8Array): StoredWindow {
  const window: unknown = JSON.parse(Buffer.from(text).toString("utf8"));
  assert(isMapping(window), "a window is an object");
  const { chunks, root, sha256 } = window;
  assert(Array.isArray(chunks), "a window has chunks");
  assert(root === null || typeof root === "string", "a content id is text");
  assert(sha256 === null || typeof sha256 === "string", "a hash is text");
  return {
    chunks: chunks.map((chunk: unknown) => chunkOf(chunk)),
    root: root ?? undefined,
    sha256: sha256 ?? undefined,
  };
}

function chunkOf(chunk: unknown): SealedChunk {
  const parts: readonly unknown[] = Array.isArray(chunk) ? chunk : [];
  const [cid, bytes, plain] = parts;
  assert(typeof cid === "string" && typeof bytes === "number", "a chunk has a name and a size");
  // Left out it comes as null.
  return typeof plain === "string" ? { cid, bytes, plain } : { cid, bytes };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
