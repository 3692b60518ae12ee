/**
 * Content that is one small block goes to all nodes that are to have it at once, this one among them: it comes along
 * with the order, so nobody opens a stream to fetch it, and all wait for their disks at the same time. R25 is kept: a
 * command that names it is proposed when all of them have it.
 */
import type { CallAnswer } from "../../actors/ports.ts";
import { RemoteError } from "../../actors/router.ts";
import type { Chunk } from "../../fs/content/chunk.ts";
import { onlyChunkOf } from "../../fs/content/chunking.ts";
import { formatContentId } from "../../fs/content/content-id.ts";
import { FileTreeBuilder } from "../../fs/content/file-tree.ts";
import { FsError } from "../../fs/errors.ts";
import type { SealKey } from "../../fs/seal.ts";
import type { Erasure } from "../../scheduler/tree/rows.ts";
import { concatBytes } from "../../std/bytes.ts";
import { PUSHED_BLOCK_BYTES_MAX } from "../../wire/bounds.ts";
import type { NodeId } from "../../wire/dataset.ts";
import { type BlockCopiesDeps, COPY_MS_MAX, copyBlocks } from "./block-copies.ts";

export interface OneBlockDeps extends BlockCopiesDeps {
  readonly self: NodeId;
}

/** What is known of content before it is stored. */
export interface ContentToStore {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How long it is, where that is known; no longer than that. */
  readonly bytesSaid: number | undefined;
  readonly copies: number;
  readonly key: SealKey | undefined;
  readonly erasure: Erasure | undefined;
  /** Of the whole, where it is to be compared. */
  readonly sha256: string | undefined;
  readonly signal: AbortSignal;
}

/** "left": nothing was stored, and the content is yet to be read. */
export type OneBlock =
  | { readonly kind: "left"; readonly bytes: AsyncIterable<Uint8Array> }
  | {
      readonly kind: "stored";
      readonly chunk: Chunk;
      readonly cid: string;
      /** On how many nodes it is. */
      readonly copies: number;
    };

/**
 * Stores content that is one small block as it is. What is sealed or coded is another block.
 * @throws {JobxError} what `bytes` throws; `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`, `DATA_PLANE_*` of this node.
 */
export async function storeOneBlock(
  deps: OneBlockDeps,
  content: ContentToStore,
): Promise<OneBlock> {
  const { bytes, copies: wanted, signal } = content;
  if (!isPlainAndSmall(content)) return { kind: "left", bytes };
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  const data = concatBytes(parts);
  const only = onlyChunkOf(data);
  if (only === undefined) return { kind: "left", bytes: once(data) };
  const { chunk } = only;
  const [copies] = await Promise.all([
    copyBlocks([chunk.cid], deps, { wanted, signal, data }),
    storeHere(deps, data),
  ]);
  const tree = new FileTreeBuilder();
  tree.add(chunk);
  return { kind: "stored", chunk, cid: formatContentId(tree.finish().root.id), copies };
}

function isPlainAndSmall({ bytesSaid, key, erasure, sha256 }: ContentToStore): boolean {
  if (bytesSaid === undefined || bytesSaid > PUSHED_BLOCK_BYTES_MAX) return false;
  return key === undefined && sha256 === undefined && (erasure === undefined || erasure.data < 2);
}

/** In the same way as at the others, so that what many bring at once goes to the data plane together. */
async function storeHere({ caller, self }: OneBlockDeps, data: Uint8Array): Promise<void> {
  const order = { kind: "store-blocks", blocks: [data] } as const;
  const answer: CallAnswer | undefined = await caller.ask(self, order, COPY_MS_MAX);
  if (answer?.kind === "done") return;
  if (answer?.kind === "error") {
    throw new RemoteError({ ...answer.details, code: answer.code }, answer.message);
  }
  throw new FsError({ code: "FS_STOPPED" }, "the store of this node does not answer");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
