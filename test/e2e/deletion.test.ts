/** A workflow that is deleted while requests come in at all nodes, one of which has not heard of it. */
import { beforeAll, expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const DELETED_MS_MAX = 60_000;

const cluster = useCluster(3);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 1, linesEach: 3 });
  await cluster.apply(1, "words");
});

/** Submits until it is refused; answers how often it was acknowledged after `isDeleted`, and the code. */
async function submitUntilRefused(
  node: number,
  isDeleted: () => boolean,
): Promise<{ readonly late: number; readonly code: unknown }> {
  let late = 0;
  for (;;) {
    const begun = isDeleted();
    try {
      await submitCount(cluster.client(node), corpus);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : error;
      if (code === "WORKFLOW_DELETING" || code === "WORKFLOW_UNKNOWN") return { late, code };
      throw error;
    }
    if (begun) late += 1;
  }
}

test("nothing is acknowledged after a deletion was, and the name is free", async () => {
  let deleted = false;
  const loads = [1, 2, 3].map((node) => submitUntilRefused(node, () => deleted));
  await cluster.client(1).deleteWorkflow("words");
  deleted = true;
  for (const { late } of await Promise.all(loads)) expect(late).toBe(0);
  await cluster.apply(2, "words");
  await submitCount(cluster.client(2), corpus);
});

test("a deletion goes on when the node that drives it dies", async () => {
  const system = (await cluster.client(1).groups()).find(({ name }) => name === "system");
  const leader = system?.members.find(({ role }) => role === "leader");
  const number = Number(leader?.node.replace("node-", ""));
  const other = number === 1 ? 2 : 1;
  const asked = cluster
    .client(other)
    .deleteWorkflow("words")
    .catch(() => undefined);
  await cluster.kill(number);
  await asked;
  await eventually("the workflow is gone", DELETED_MS_MAX, async () => {
    // Asked for again in case that the first word died with the leader.
    await cluster
      .client(other)
      .deleteWorkflow("words")
      .catch(() => undefined);
    return (await cluster.client(other).workflows()).length === 0;
  });
});
