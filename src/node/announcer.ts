/**
 * Tells the cluster what this node says of itself, and sees to it that the cluster goes on knowing it: at
 * a start the copy here may be behind, and what an earlier run of this node said may be committed late.
 * It also tells it anew when a peer's word raises a doubt whether this program fits (R10): the answer of
 * the system group's leader settles that. Nobody else's does: any member can answer what it likes.
 */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { Call } from "../actors/ports.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Answer } from "../scheduler/rows.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";

/** Between two looks while the cluster does not know it. */
const LOOK_MS = 250;

/** Between two looks at a copy that says so; costs a comparison, or an entry while there is a doubt. */
const LOOK_AGAIN_MS = 2_000;

/** One try. */
const TRY_MS = 10_000;

/** How long the node that is known to lead has for its answer, before others are asked. */
const LEADER_MS = 5_000;

interface Reply {
  readonly answer: Answer | undefined;
  /** Whether the leader answered that this node's replica of the system group follows. */
  readonly isLeaders: boolean;
}

export interface AnnouncerDeps {
  readonly node: Pick<ClusterNode, "directory" | "nextSequence"> & {
    readonly router: Pick<ClusterNode["router"], "ask">;
    readonly caller: Pick<ClusterNode["caller"], "ask">;
    readonly host: {
      replica(group: number): { readonly leaderNode: NodeId | undefined } | undefined;
    };
    readonly versions: Pick<ClusterNode["versions"], "doubts" | "refute" | "listen">;
  };
  /** What is to be known of it. */
  readonly member: MemberInfo;
  readonly timers: Timers;
  readonly log: Log;
  /** R10: the leader of the system group refuses this program. Called once. */
  readonly onUnsupported: (error: JobxError) => void;
}

export class Announcer {
  readonly #deps: AnnouncerDeps;
  #timer: Timer | undefined;
  #stopped = false;
  #busy = false;
  /** A doubt has come up meanwhile. */
  #isAsked = false;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#deps.node.versions.listen(() => this.#lookNow());
    this.#lookNow();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #lookNow(): void {
    this.#isAsked = true;
    if (this.#busy || this.#stopped) return;
    this.#timer?.cancel();
    this.#busy = true;
    this.#isAsked = false;
    void this.#look().finally(() => {
      this.#busy = false;
      if (this.#stopped) return;
      const againMs = this.#isKnown() && !this.#isAsked ? LOOK_AGAIN_MS : LOOK_MS;
      this.#timer = this.#deps.timers.after(againMs, () => this.#lookNow());
    });
  }

  async #look(): Promise<void> {
    const { doubts } = this.#deps.node.versions;
    if (!this.#isKnown() || doubts.size > 0) await this.#announce();
  }

  async #announce(): Promise<void> {
    const { node, member, log } = this.#deps;
    const id = { kind: "entry", ...node.nextSequence(SYSTEM_GROUP) } as const;
    const envelope = { id, command: { kind: "announce", member } } as const;
    // What is heard after the question was sent, the answer says nothing about.
    const doubts = new Map(node.versions.doubts);
    try {
      const { answer, isLeaders } = await this.#ask({ kind: "system-command", envelope });
      if (answer?.kind === "ok" && isLeaders) node.versions.refute(doubts);
      if (answer?.kind !== "refused") return;
      const { code, message } = answer;
      log.warn("the cluster refuses what this node says of itself", { code, reason: message });
      if (code !== "CLUSTER_VERSION_UNSUPPORTED" || !isLeaders || this.#stopped) return;
      this.stop();
      this.#deps.onUnsupported(new JobxError({ code }, message));
    } catch (error) {
      log.warn("the cluster does not answer yet", { reason: errorText(error) });
    }
  }

  /** The leader first; it may be cut off, or not known here yet. R15: whoever takes the command, it happens once. */
  async #ask(call: Call): Promise<Reply> {
    const { host, caller, router } = this.#deps.node;
    const leader = host.replica(SYSTEM_GROUP)?.leaderNode;
    if (leader !== undefined) {
      const answer = await caller.ask(leader, call, LEADER_MS);
      if (answer?.kind === "answered") return { answer: answer.answer, isLeaders: true };
    }
    const answer = await router.ask(SYSTEM_GROUP, call, TRY_MS);
    return {
      answer: answer.kind === "answered" ? answer.answer : undefined,
      isLeaders: false,
    };
  }

  #isKnown(): boolean {
    const { node, member } = this.#deps;
    const row = node.directory.member(member.node);
    if (row === undefined) return false;
    const { kind: _kind, state: _state, ...known } = row;
    return JSON.stringify(sorted(known)) === JSON.stringify(sorted(member));
  }
}

function sorted(member: MemberInfo): readonly (readonly [string, unknown])[] {
  return Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
}
