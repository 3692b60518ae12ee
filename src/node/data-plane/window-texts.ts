/** Windows of stored content on their way between the threads. */
import type { StoredWindow } from "../../fs/file-blocks.ts";
import type { SealedChunk } from "../../fs/seal.ts";
import { assert } from "../../std/assert.ts";

/** Windows that are told together as a text. */
export async function* windowTexts(
  windows: AsyncIterable<readonly StoredWindow[]>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const together of windows) {
    const list = together.map(({ chunks, root = null, sha256 = null }) => ({
      chunks: chunks.map(({ cid, bytes, plain }) => [cid, bytes, plain]),
      ...{ root, sha256 },
    }));
    yield Buffer.from(JSON.stringify(list), "utf8");
  }
}

/** The windows of a text. */
export function windowsOf(text: Uint8Array): readonly StoredWindow[] {
  const list: unknown = JSON.parse(
    Buffer.from(text.buffer, text.byteOffset, text.length).toString("utf8"),
  );
  assert(Array.isArray(list), "windows are a list");
  return list.map((window: unknown) => windowOf(window));
}

function windowOf(window: unknown): StoredWindow {
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
