/**
 * Copies that are too many are given up so that there are always enough. A node that wants to delete a copy *leaves*
 * the block first: from then on it tells nobody that it keeps it. Then it asks others, as many as there are to be
 * copies, each of which reads its own; only where all say that they keep theirs it deletes, and leaves no more.
 *
 * So there are that many copies after each deletion, whoever ordered it and whomever each node takes for a member.
 * Of all that have deleted the block by some moment take the one that began to leave last. Those who told it that
 * they keep the block were asked after that, were not leaving when they were, and had it when they looked; so one of
 * them that has deleted it since would have begun later still. No clock is compared and nothing remembered: who starts anew leaves nothing, and who was asked may begin to
 * leave as soon as it has answered.
 */
import type { Cid, NodeId } from "../scheduler/dataset.ts";
import type { Caller } from "./caller.ts";
import type { RunsPort } from "./work-ports.ts";

/** Until others have read so many blocks of a slow disk. */
const ASK_MS = 30_000;

export interface BlockDropsDeps {
  /** As `wantedCopies`: by all workflows together, so that none loses what another has too much of. */
  readonly wanted: (cids: readonly Cid[]) => Promise<readonly number[]>;
  readonly caller: Pick<Caller, "ask">;
  readonly runs: Pick<RunsPort, "haveBlocks" | "blockFacts"> & {
    readonly coded: Pick<RunsPort["coded"], "offer" | "drop">;
  };
}

export class BlockDrops {
  readonly #deps: BlockDropsDeps;
  readonly #leaving = new Set<Cid>();

  constructor(deps: BlockDropsDeps) {
    this.#deps = deps;
  }

  /** For each block whether this node keeps it: it is here, was read whole, and is not left. */
  async keep(cids: readonly Cid[]): Promise<readonly boolean[]> {
    const kept = cids.filter((cid) => !this.#leaving.has(cid));
    const facts = await this.#deps.runs.blockFacts(kept);
    const whole = new Set(kept.filter((_, at) => facts[at] !== undefined));
    return cids.map((cid) => whole.has(cid));
  }

  /** Deletes blocks that all of the keepers keep; for each whether it did. */
  async drop(cids: readonly Cid[], keepers: readonly NodeId[]): Promise<readonly boolean[]> {
    const { runs } = this.#deps;
    const leaving = [...new Set(cids)].filter((cid) => !this.#leaving.has(cid));
    if (keepers.length === 0 || leaving.length === 0) return cids.map(() => false);
    for (const cid of leaving) this.#leaving.add(cid);
    const dropped = new Set<Cid>();
    try {
      await runs.coded.offer(leaving);
      const kept = await this.#keptBy(await this.#spare(leaving, keepers.length), keepers);
      const gone = kept.length === 0 ? [] : await runs.coded.drop(kept);
      kept.forEach((cid, at) => {
        if (gone[at] === true) dropped.add(cid);
      });
    } finally {
      // Who was offered and stays is wanted again.
      await runs.haveBlocks(leaving.filter((cid) => !dropped.has(cid)));
      for (const cid of leaving) this.#leaving.delete(cid);
    }
    return cids.map((cid) => dropped.has(cid));
  }

  /** Those that need no more copies than those of the keepers. What may be a run's is not looked for in rows. */
  async #spare(cids: readonly Cid[], copies: number): Promise<readonly Cid[]> {
    const { runs, wanted } = this.#deps;
    const facts = await runs.blockFacts(cids);
    const ofFiles = cids.filter((_, at) => facts[at]?.isRun === false);
    if (ofFiles.length === 0) return [];
    const counts = await wanted(ofFiles);
    return ofFiles.filter((_, at) => (counts[at] ?? Number.POSITIVE_INFINITY) <= copies);
  }

  async #keptBy(cids: readonly Cid[], keepers: readonly NodeId[]): Promise<readonly Cid[]> {
    if (cids.length === 0) return [];
    const answers = await Promise.all(
      [...new Set(keepers)].map((node) =>
        this.#deps.caller.ask(node, { kind: "keep-blocks", cids }, ASK_MS),
      ),
    );
    return cids.filter((_, at) =>
      answers.every((answer) => answer?.kind === "blocks" && answer.here[at] === true),
    );
  }
}
