/** Stripes of blocks: their parity is made when they are stored, and a block that is lost from the others. */
import type { Cid } from "../../wire/dataset.ts";
import type { BlockStore } from "../block-store.ts";
import { cidOf } from "../cid.ts";
import { blockMissing, FsError } from "../errors.ts";
import type { BlockRef } from "../transfer.ts";
import { parityOf, recoverMember, type StripeMember } from "./reed-solomon.ts";

/** Blocks of which any so many as there is data make all others. */
export interface CodedStripe {
  readonly data: readonly BlockRef[];
  /** Each as long as the longest of the data. */
  readonly parity: readonly Cid[];
}

/** Data to be coded. */
export interface StripeToCode {
  readonly data: readonly Cid[];
  readonly parity: number;
}

/** All blocks of a stripe with their sizes, the data first. */
export function stripeBlocks({ data, parity }: CodedStripe): readonly BlockRef[] {
  const bytes = Math.max(...data.map((block) => block.bytes));
  return [...data, ...parity.map((cid) => ({ cid, bytes }))];
}

/**
 * Makes the parity of blocks that are in the store, and has it durable there; for each stripe the ids.
 * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_DISK_FULL`, `FS_IO`.
 */
export async function codeStripes(
  store: Pick<BlockStore, "get" | "batch">,
  stripes: readonly StripeToCode[],
): Promise<readonly (readonly Cid[])[]> {
  const batch = store.batch();
  const coded: Cid[][] = [];
  try {
    for (const { data, parity } of stripes) {
      const blocks = await Promise.all(data.map((cid) => store.get(cid)));
      const cids: Cid[] = [];
      for (const bytes of parityOf(blocks, parity)) cids.push(await batch.put(bytes));
      coded.push(cids);
    }
    await batch.commit();
  } finally {
    await batch.settle();
  }
  return coded;
}

/** Gives a block of a stripe that is whole, from wherever it is. */
export type ReadBlock = (block: BlockRef, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * A block of a stripe made from others, verified. So many as are needed are read side by side, and another one for
 * each that cannot be read.
 * @throws {JobxError} `FS_BLOCK_LOST` where too few blocks are left anywhere; `FS_BLOCK_MISSING` where one that is
 * needed may only be away; what `read` rejects with besides these.
 */
export async function rebuildBlock(
  stripe: CodedStripe,
  cid: Cid,
  how: { readonly read: ReadBlock; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const blocks = stripeBlocks(stripe).map((block, index) => ({ ...block, index }));
  const wanted = blocks.find((block) => block.cid === cid);
  if (wanted === undefined) throw blockMissing(cid);
  const left = blocks.filter((block) => block !== wanted);
  const members: StripeMember[] = [];
  let away = 0;
  const readNext = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      try {
        members.push({ index: next.index, bytes: await how.read(next, how.signal) });
        return;
      } catch (error) {
        if (!(error instanceof FsError) || !error.code.startsWith("FS_BLOCK_")) throw error;
        if (error.code !== "FS_BLOCK_LOST") away += 1;
      }
    }
  };
  await Promise.all(stripe.data.map(readNext));
  const short = stripe.data.length - members.length;
  if (short > 0) throw short > away ? lost(cid) : blockMissing(cid);
  const bytes = recoverMember(members, wanted);
  // What its list says of a stripe is not what was coded: nothing of it is to be had by coding.
  if (cidOf(bytes) !== cid) throw blockMissing(cid);
  return bytes;
}

function lost(cid: Cid): FsError {
  const message = "no node has the block any more, and too few of its stripe are left";
  return new FsError({ code: "FS_BLOCK_LOST", cid }, message);
}
