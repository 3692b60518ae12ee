/** The system group's state machine without a log: commands in, answers and rows out. */
import { applySystemEnvelope } from "../../src/scheduler/system/apply.ts";
import type { MemberInfo, SystemCommand } from "../../src/scheduler/system/commands.ts";
import type { SystemEffect } from "../../src/scheduler/system/effect.ts";
import type { SystemRow } from "../../src/scheduler/system/rows.ts";
import type { VersionRange } from "../../src/scheduler/system/version-range.ts";
import { Transaction } from "../../src/scheduler/transaction.ts";

/** What a node of that name says of itself. */
export function memberNamed(node: string): MemberInfo {
  return {
    node,
    name: `name-of-${node}`,
    addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${node}`],
    api: "http://127.0.0.1:1",
    storeId: `store-of-${node}`,
    slots: 1,
    capabilities: [],
    version: "1",
    durability: "sync",
    versions: { min: 1, max: 1 },
  };
}

export class SystemKit {
  readonly rows = new Map<string, SystemRow>();
  readonly effects: SystemEffect[] = [];
  nowMs: number;

  private constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** A cluster of the node `n1`. */
  static founded(nowMs: number, versions: VersionRange = { min: 1, max: 1 }): SystemKit {
    const kit = new SystemKit(nowMs);
    kit.must({
      kind: "found",
      clusterId: "cluster",
      member: { ...memberNamed("n1"), versions },
      adminTokenHash: "0".repeat(64),
    });
    return kit;
  }

  /** The code of a refusal, else the kind of the answer. */
  apply(command: SystemCommand): string {
    const tx = new Transaction<SystemRow, SystemEffect>({ peek: (key) => this.rows.get(key) });
    const at = { stampMs: this.nowMs };
    const answer = applySystemEnvelope(tx, at, { id: { kind: "none" }, command });
    if (answer.kind === "refused") {
      tx.drop();
      return answer.code;
    }
    tx.keep();
    for (const [key, row] of tx.writes()) {
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, row);
    }
    this.effects.push(...tx.effects());
    return answer.kind;
  }

  /** @throws {Error} when the command is refused. */
  must(command: SystemCommand): void {
    const answer = this.apply(command);
    if (answer !== "ok" && answer !== "revision") throw new Error(`refused with ${answer}`);
  }

  join(node: string): string {
    return this.apply({ kind: "join", ticket: "t", member: memberNamed(node) });
  }

  row(key: string): SystemRow | undefined {
    return this.rows.get(key);
  }

  /** Ids of the nodes that belong. */
  members(): readonly string[] {
    return [...this.rows.values()]
      .flatMap((row) => (row.kind === "member" && row.state === "joined" ? [row.node] : []))
      .sort();
  }
}
