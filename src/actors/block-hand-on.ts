/**
 * Before a node leaves for ever: others fetch the blocks that nobody but it has. Harmless to repeat;
 * what they have by then is not fetched again.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Caller } from "./caller.ts";
import { ActorError } from "./errors.ts";
import type { RunsPort } from "./work-ports.ts";

/** Blocks that others are asked about at once: a question of some ten KiB. */
export const BLOCKS_ASKED_MAX = 256;

/** Blocks of one order to fetch: it is answered when all are synced there. */
const BLOCKS_COPIED_MAX = 32;

const ASK_MS = 10_000;

/** For a few MiB over any network. */
const COPY_MS = 60_000;

export interface BlockHandOnDeps {
  readonly runs: Pick<RunsPort, "listBlocks">;
  readonly caller: Pick<Caller, "ask">;
  /** Nodes that stay and are up. */
  readonly heirs: () => readonly NodeId[];
}

/** @throws {ActorError} `NODE_BLOCKS_STAY` when nobody could take a block. */
export async function handOnBlocks(deps: BlockHandOnDeps): Promise<void> {
  let turn = 0;
  for (let after = ""; ; ) {
    const page = await deps.runs.listBlocks(after, BLOCKS_ASKED_MAX);
    const last = page.at(-1);
    if (last === undefined) return;
    const sole = await soleOf(page, deps);
    for (let at = 0; at < sole.length; at += BLOCKS_COPIED_MAX) {
      await copyOut(sole.slice(at, at + BLOCKS_COPIED_MAX), turn, deps);
      turn += 1;
    }
    after = last;
  }
}

/** Those that no heir has. An heir that does not answer has none. */
async function soleOf(cids: readonly string[], deps: BlockHandOnDeps): Promise<readonly string[]> {
  let sole = cids;
  for (const heir of deps.heirs()) {
    if (sole.length === 0) return sole;
    const asked = sole;
    const answer = await deps.caller.ask(heir, { kind: "have-blocks", cids: asked }, ASK_MS);
    if (answer?.kind !== "blocks") continue;
    sole = asked.filter((_cid, at) => answer.here[at] !== true);
  }
  return sole;
}

async function copyOut(
  cids: readonly string[],
  turn: number,
  { heirs, caller }: BlockHandOnDeps,
): Promise<void> {
  const nodes = heirs();
  for (let tries = 0; tries < nodes.length; tries++) {
    const to = nodes[(turn + tries) % nodes.length];
    if (to === undefined) break;
    const answer = await caller.ask(to, { kind: "copy-blocks", cids }, COPY_MS);
    if (answer?.kind === "done") return;
  }
  throw new ActorError({ code: "NODE_BLOCKS_STAY" }, "no other node could take this node's blocks");
}
