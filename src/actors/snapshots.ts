/** A node's end of every snapshot: what it hands out and what it takes in (R5). */
import type { ReplicaId, SnapshotDescription } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { AnyReplica, SnapshotHands } from "./group-host.ts";
import type { ClusterNodeDeps } from "./node-deps.ts";
import type { LogRestart } from "./ports.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";

export class Snapshots implements SnapshotHands {
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;

  constructor(
    deps: Pick<
      ClusterNodeDeps,
      "clock" | "timers" | "log" | "states" | "snapshots" | "payloads" | "options" | "run" | "bugs"
    >,
    wake: (group: number) => void,
  ) {
    const { clock, timers, log, states, snapshots, payloads, options, run, bugs } = deps;
    const infos = payloads.snapshots;
    const chunkBytes = options.snapshotChunkBytes;
    this.#sender = new SnapshotSender({
      ...{ clock, timers, log, states, infos, chunkBytes, run, bugs, wake },
    });
    this.#receiver = new SnapshotReceiver({
      timers,
      log,
      states,
      transfer: snapshots,
      infos,
      wake,
    });
    snapshots.serve((from, wanted) => this.#sender.serve(from, wanted));
  }

  wanted(replica: AnyReplica, to: ReplicaId): void {
    this.#sender.wanted(replica, to);
  }

  offered(replica: AnyReplica, from: NodeId, description: SnapshotDescription): boolean {
    return this.#receiver.offered(replica, from, description);
  }

  finish(group: number): Promise<LogRestart> {
    return this.#receiver.finish(group);
  }

  /** Snapshots taken in since the start. */
  get installed(): number {
    return this.#receiver.installed;
  }

  drop(group: number): void {
    this.#sender.drop(group);
    this.#receiver.drop(group);
  }

  nodeDown(node: NodeId): void {
    this.#receiver.nodeDown(node);
  }

  stop(): void {
    this.#sender.stop();
    this.#receiver.stop();
  }
}
