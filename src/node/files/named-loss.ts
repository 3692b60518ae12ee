/** R26: who reads a file whose blocks cannot be had is told which file and which block. */
import { FsError } from "../../fs/errors.ts";
import { isJobxError } from "../../std/errors.ts";

/** The bytes as they are. @throws {FsError} `FS_BLOCK_LOST`, `FS_BLOCK_MISSING`, with the path; else what they end with. */
export async function* namingFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    throw withPath(path, error);
  }
}

function withPath(path: string, error: unknown): unknown {
  if (!isJobxError(error)) return error;
  const { code } = error;
  if (code !== "FS_BLOCK_LOST" && code !== "FS_BLOCK_MISSING") return error;
  const details: Readonly<Record<string, unknown>> = error.details;
  const cid = `${details["cid"] ?? ""}`;
  const text = `${error.message}: the file /${path} needs the block ${cid}`;
  return new FsError({ code, cid, path: `/${path}` }, text);
}
