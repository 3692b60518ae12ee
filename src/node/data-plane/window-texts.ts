/** Windows of stored content on their way between the threads. */
import type { Chunk } from "../../fs/content/chunk.ts";
import type { StoredWindow } from "../../fs/file-blocks.ts";
import { assert } from "../../std/assert.ts";

/** Each window as text. */
export async function* windowTexts(
  windows: AsyncIterable<StoredWindow>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { chunks, root = null, sha256 = null } of windows) {
    const list = chunks.map(({ cid, bytes }) => [cid, bytes]);
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

function chunkOf(chunk: unknown): Chunk {
  const parts: readonly unknown[] = Array.isArray(chunk) ? chunk : [];
  const [cid, bytes] = parts;
  assert(typeof cid === "string" && typeof bytes === "number", "a chunk has a name and a size");
  return { cid, bytes };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
