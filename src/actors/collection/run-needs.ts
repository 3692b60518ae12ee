/** Which blocks the runs that a cluster's workflows name are made of. */
import type { NodeId } from "../../scheduler/dataset.ts";
import { ActorError } from "../errors.ts";
import type { Call, CallAnswer } from "../ports.ts";
import type { CondemnedPort } from "../work-ports.ts";
import type { HashFilter } from "./hash-filter.ts";

const ASK_MS = 15_000;

export interface RunNeedsDeps {
  readonly runs: Pick<CondemnedPort, "runBlocks">;
  readonly ask: (group: number, call: Call, deadlineMs: number) => Promise<CallAnswer>;
  /** Whom lists of runs are fetched from that are not here. */
  readonly nodes: () => readonly NodeId[];
  /** Between two pages, so that nobody waits behind a collector. */
  readonly pause: () => Promise<void>;
}

/**
 * Adds all blocks of runs that the group's rows name, of one moment not before the call.
 * @throws {JobxError} when it is not certain of all of them: the leader did not answer, or no node could give
 * the list of a run.
 */
export async function addRunBlocks(
  group: number,
  needed: HashFilter,
  deps: RunNeedsDeps,
): Promise<void> {
  const { signal } = new AbortController();
  let scan = 0;
  let after: string | undefined;
  do {
    const call = { kind: "run-references", group, scan, after } as const;
    const answer = await deps.ask(group, call, ASK_MS);
    if (answer.kind !== "run-references") {
      throw new ActorError(
        { code: "COLLECTION_GONE" },
        "the leader did not say what its rows name",
      );
    }
    for (const run of answer.runs) {
      const blocks = await deps.runs.runBlocks(run, deps.nodes(), signal);
      for (const cid of blocks) needed.add(cid);
    }
    scan = answer.scan;
    after = answer.after;
    if (after !== undefined) await deps.pause();
  } while (after !== undefined);
}
