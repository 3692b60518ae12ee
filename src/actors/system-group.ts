/**
 * The system group on one node: keeps the directory, and where this node leads, carries out what
 * crosses groups as steps that are harmless to repeat (R9).
 */

import { refused } from "../scheduler/answers.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Answer } from "../scheduler/rows.ts";
import type { SystemCommand, SystemEnvelope } from "../scheduler/system/commands.ts";
import type { SystemEffect } from "../scheduler/system/effect.ts";
import { CLUSTER_KEY, SYSTEM_SCAN } from "../scheduler/system/keys.ts";
import type { FirstReplica, SystemRow } from "../scheduler/system/rows.ts";
import { supports, unsupportedText } from "../scheduler/system/version-range.ts";
import { readRow } from "../scheduler/transaction.ts";
import { assert } from "../std/assert.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Directory } from "./directory.ts";
import { voterTarget } from "./membership-plan.ts";
import type { Call, CallAnswer } from "./ports.ts";
import type { Replica, ReplicaListener } from "./replica.ts";

/** Rows read at once when the directory is filled. */
const PAGE_ROWS = 1000;

/** The system group's number. */
export const SYSTEM_GROUP = 0;

/** Voters of a group at most (R8). */
export const VOTERS_MAX = { system: 5, workflow: 3 } as const;

export interface SystemGroupDeps {
  readonly log: Log;
  readonly directory: Directory;
  /** What the first node of a cluster says first; undefined on every other. */
  readonly founding: (() => SystemCommand) | undefined;
  /** The directory has changed. */
  readonly onChange: (effects: readonly SystemEffect[]) => void;
  /** Whether a node can be reached, itself included. */
  readonly isUp: (node: NodeId) => boolean;
}

type SystemReplica = Replica<SystemRow, SystemEnvelope, SystemEffect>;

export class SystemGroup implements ReplicaListener<SystemEffect> {
  readonly #deps: SystemGroupDeps;
  #replica: SystemReplica | undefined;

  constructor(deps: SystemGroupDeps) {
    this.#deps = deps;
  }

  /** The replica and this actor know each other; fills the directory from its rows. */
  async bind(replica: SystemReplica): Promise<void> {
    this.#replica = replica;
    this.#deps.directory.take(await allRows(replica));
  }

  /** The replica is not here any more; what the directory holds grows old until another one is. */
  unbind(): void {
    this.#replica = undefined;
  }

  get directory(): Directory {
    return this.#deps.directory;
  }

  /** Undefined until this node has its replica. */
  get replica(): SystemReplica | undefined {
    return this.#replica;
  }

  async leads(term: number): Promise<void> {
    const replica = this.#replica;
    assert(replica !== undefined, "a group is bound to its replica first");
    this.#deps.log.info("leads the system group", { term });
    const cluster = await replica.query((view) => readRow(view, CLUSTER_KEY));
    const { founding } = this.#deps;
    if (cluster !== undefined || founding === undefined) return;
    replica.propose({ id: { kind: "none" }, command: founding() }).catch((error: unknown) => {
      this.#deps.log.warn("the cluster was not founded", { reason: errorText(error) });
    });
  }

  follows(): void {
    // Nothing here outlives leadership.
  }

  hasDue(): boolean {
    // Whoever joins, or is gone, needs it without having called before.
    return true;
  }

  membershipChanged(): void {
    // The places are asked for where they are needed.
  }

  async restored(): Promise<void> {
    const replica = this.#replica;
    assert(replica !== undefined, "a group is bound to its replica first");
    const rows = await allRows(replica);
    // At once: who asks in between would find that there is no such token, or no such workflow.
    this.#deps.directory.clear();
    this.#deps.directory.take(rows);
    this.#deps.onChange([]);
  }

  applied(effects: readonly SystemEffect[]): void {
    if (effects.length === 0) return;
    this.#deps.directory.take(effects);
    this.#deps.onChange(effects);
  }

  /** Answers a call that concerns the system group. */
  async serve(call: Extract<Call, { kind: "system-command" }>): Promise<CallAnswer> {
    if (this.#replica === undefined) return { kind: "not-scheduler", leader: undefined };
    const { id, command } = call.envelope;
    const refusal = this.#refusal(command);
    if (refusal !== undefined) return { kind: "answered", answer: refusal };
    const { answer } = await this.#replica.propose({ id, command: this.#complete(command) });
    return { kind: "answered", answer };
  }

  /** R10: what applying would refuse as well is not committed first. */
  #refusal(command: SystemCommand): Answer | undefined {
    const version = this.#deps.directory.cluster?.version;
    if ((command.kind !== "join" && command.kind !== "announce") || version === undefined) return;
    const { versions } = command.member;
    if (supports(versions, version) || this.#replica?.leadingTerm === undefined) return;
    return refused("CLUSTER_VERSION_UNSUPPORTED", unsupportedText(versions, version));
  }

  /** The leader knows who is up, so it says where a workflow's first replicas go. */
  #complete(command: SystemCommand): SystemCommand {
    if (command.kind !== "create-workflow") return command;
    return { ...command, replicas: this.#place(command.name) };
  }

  #place(name: string): readonly FirstReplica[] {
    // A node that is drained or leaves gets nothing new.
    const members = this.#deps.directory.members().filter(({ state }) => state === "joined");
    const up = members.filter(({ node, storeId }) => storeId !== "" && this.#deps.isUp(node));
    // Begin at another member for each workflow, so that replicas spread.
    let sum = 0;
    for (const letter of name) sum += letter.codePointAt(0) ?? 0;
    const shift = up.length === 0 ? 0 : sum % up.length;
    const order = [...up.slice(shift), ...up.slice(0, shift)];
    const voters = Math.min(voterTarget(members.length, VOTERS_MAX.workflow), up.length);
    const count = Math.max(voters, Math.min(2, order.length));
    return order.slice(0, count).map(({ node, storeId }, at) => ({
      replica: at + 1,
      node,
      storeId,
      role: at < voters ? "voter" : "learner",
    }));
  }
}

async function allRows(replica: SystemReplica): Promise<readonly SystemEffect[]> {
  const rows: SystemEffect[] = [];
  for (let gte: string = SYSTEM_SCAN.gte; ; ) {
    const page = await replica.state.scan({ gte, lt: SYSTEM_SCAN.lt, limit: PAGE_ROWS });
    for (const [key, row] of page.rows) rows.push({ key, row });
    const last = page.rows.at(-1);
    if (!page.more || last === undefined) return rows;
    gte = `${last[0]}\0`;
  }
}
