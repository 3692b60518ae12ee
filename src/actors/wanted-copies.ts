/** R25: on how many nodes blocks are to be, and who else can have them. */
import type { Cid, NodeId } from "../scheduler/dataset.ts";
import { treeKeys, VOLUME_KEY } from "../scheduler/tree/keys.ts";
import { OPTIONS_DEFAULT } from "../scheduler/tree/reading.ts";
import type { AnswerOf, RowsWanted } from "./answers.ts";
import type { Directory } from "./directory.ts";
import { heirsAmong } from "./whom-to-ask.ts";

/** Runs, and what no file names: whoever stored it may be about to name it. */
const OTHER_COPIES = 2;

/** A workflow's leader says how many copies its volume asks for, ms. */
const READ_MS = 10_000;

export interface CopiesGround {
  readonly directory: Pick<Directory, "members" | "workflows">;
  /** Called as a method of the node. */
  read(group: number, what: RowsWanted, deadlineMs: number): Promise<AnswerOf<"rows">>;
}

/** What `RunCopies` asks of its node about other nodes. */
export function copiesGround(
  ground: CopiesGround,
  mesh: { readonly self: NodeId; isUp(node: NodeId): boolean },
): {
  readonly others: () => readonly NodeId[];
  readonly wanted: (cids: readonly Cid[]) => Promise<readonly number[]>;
} {
  return {
    others: () => heirsAmong(ground.directory.members(), mesh),
    wanted: (cids) => wantedCopies(cids, ground),
  };
}

/**
 * For each block on how many nodes it is to be: as many as the volumes ask for that name it. Rejects while a
 * workflow that may name it has no leader.
 */
export async function wantedCopies(
  cids: readonly Cid[],
  ground: CopiesGround,
): Promise<readonly number[]> {
  const named = cids.map(() => 0);
  const keys = [VOLUME_KEY, ...cids.map((cid) => treeKeys.block(cid))];
  for (const { group } of ground.directory.workflows()) {
    const { values } = await ground.read(group, { keys }, READ_MS);
    const [volume, ...blocks] = values;
    const copies = volume?.kind === "fs-volume" ? volume.copies : OPTIONS_DEFAULT.copies;
    for (const [at, block] of blocks.entries()) {
      if (block === undefined) continue;
      // Of a stripe, which makes the block again where it is lost.
      const isCoded = block.kind === "fs-block" && block.stripe !== undefined;
      named[at] = Math.max(named[at] ?? 0, isCoded ? 1 : copies);
    }
  }
  return named.map((copies) => (copies === 0 ? OTHER_COPIES : copies));
}
