/**
 * Tells the cluster what this node says of itself, and sees to it that the cluster goes on knowing it: at
 * a start the copy here may be behind, and what an earlier run of this node said may be committed late.
 */
import type { ClusterNode } from "../actors/cluster-node.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";

/** Between two looks while the cluster does not know it. */
const LOOK_MS = 250;

/** Between two looks at a copy that says so; costs a comparison. */
const LOOK_AGAIN_MS = 2_000;

/** One try. */
const TRY_MS = 10_000;

export interface AnnouncerDeps {
  readonly node: Pick<ClusterNode, "directory" | "nextSequence"> & {
    readonly router: Pick<ClusterNode["router"], "ask">;
  };
  /** What is to be known of it. */
  readonly member: MemberInfo;
  readonly timers: Timers;
  readonly log: Log;
  /** R10: the cluster refuses this program, by its log. Called once. */
  readonly onUnsupported: (error: JobxError) => void;
}

export class Announcer {
  readonly #deps: AnnouncerDeps;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    if (!this.#isKnown()) await this.#announce();
    if (this.#stopped) return;
    const againMs = this.#isKnown() ? LOOK_AGAIN_MS : LOOK_MS;
    this.#timer = this.#deps.timers.after(againMs, () => void this.#look());
  }

  async #announce(): Promise<void> {
    const { node, member, log } = this.#deps;
    const id = { kind: "entry", ...node.nextSequence(SYSTEM_GROUP) } as const;
    const envelope = { id, command: { kind: "announce", member } } as const;
    try {
      const call = { kind: "system-command", envelope } as const;
      const answer = await node.router.ask(SYSTEM_GROUP, call, TRY_MS);
      if (answer.kind !== "answered" || answer.answer.kind !== "refused") return;
      const { code, message } = answer.answer;
      log.warn("the cluster refuses what this node says of itself", { code, reason: message });
      if (code !== "CLUSTER_VERSION_UNSUPPORTED" || this.#stopped) return;
      this.stop();
      this.#deps.onUnsupported(new JobxError({ code }, message));
    } catch (error) {
      log.warn("the cluster does not answer yet", { reason: errorText(error) });
    }
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
