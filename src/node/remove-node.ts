/** Asks the cluster to let a node go for ever (R9), never the last one that stays. */
import type { SystemCommand } from "../scheduler/system/commands.ts";
import { type MemberRow, stays } from "../scheduler/system/rows.ts";
import { ClusterError } from "./cluster-errors.ts";
import { unlessRefused } from "./unless-refused.ts";

/** What a removal needs of the node that was asked for it. */
export interface RemovalDeps {
  /** The row of the node that is to go. @throws {ClusterError} `NODE_UNKNOWN`. */
  readonly leaving: () => Promise<MemberRow>;
  /** Nodes that belong, as this node knows. */
  readonly members: () => readonly MemberRow[];
  /** @throws {ClusterError} when the cluster cannot do with those that stay. */
  readonly check: (staying: readonly MemberRow[]) => Promise<void>;
  readonly system: (command: SystemCommand) => Promise<unknown>;
  /** Makes what this node knows as new as the call. */
  readonly fresh: () => Promise<void>;
}

/**
 * Resolves when the node is marked as one that leaves. Only the log decides which of two nodes that remove
 * each other stays: the command names one that does, and where that one is leaving by then, another one.
 * @throws {ClusterError} `NODE_LAST` when no other node stays; as `leaving` and `check`.
 */
export async function removeNode(deps: RemovalDeps): Promise<void> {
  for (const gone = new Set<string>(); ; ) {
    const row = await deps.leaving();
    if (!stays(row)) {
      // It is leaving already, and counts for nobody any more.
      await deps.system({ kind: "remove-node", node: row.node });
      return;
    }
    const staying = deps
      .members()
      .filter((other) => other.node !== row.node && stays(other) && !gone.has(other.node));
    const [kept] = staying;
    if (kept === undefined) {
      throw new ClusterError({ code: "NODE_LAST" }, "the last node cannot be removed");
    }
    await deps.check(staying);
    const { node } = row;
    const command = { kind: "remove-node-keeping", node, keeps: kept.node } as const;
    if (await unlessRefused("NODE_KEPT_GONE", () => deps.system(command))) return;
    gone.add(kept.node);
    await deps.fresh();
  }
}
