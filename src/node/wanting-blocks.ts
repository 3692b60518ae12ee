/** What the files of all workflows lack of copies: each leader is asked, since it heals its volume. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { WantingView } from "../api/admin-port.ts";
import type { CallOptions } from "../api/ports.ts";

/** A node that says nothing for so long is told as one that has not answered. */
const ASK_MS = 5_000;

/** Asks all members that are up: leaders are among them. */
export async function wantingBlocks(
  { caller, directory }: Pick<ClusterNode, "caller" | "directory">,
  isUp: (node: string) => boolean,
  deadline: CallOptions["deadline"],
): Promise<WantingView> {
  const waitMs = Math.min(ASK_MS, 0.9 * deadline.leftMs());
  const answers = await Promise.all(
    directory
      .members()
      .filter(({ node }) => isUp(node))
      .map(async ({ node, name }) => {
        const answer = await caller.ask(node, { kind: "shortages" }, waitMs);
        return { name, volumes: answer?.kind === "shortages" ? answer.volumes : undefined };
      }),
  );
  const volumes = answers.flatMap((one) => one.volumes ?? []);
  return {
    volumes: volumes.map(({ group, short, missing, lost, sinceMs }) => {
      const workflow = directory.workflow(group)?.name ?? `${group}`;
      return { workflow, short, missing, lost, since: new Date(sinceMs).toISOString() };
    }),
    silent: answers.flatMap((one) => (one.volumes === undefined ? [one.name] : [])),
  };
}
