/** Tells the cluster what this node says of itself, until the cluster knows it. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import type { Timer } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { systemTimers } from "./system.ts";

/** Between two looks. */
const LOOK_MS = 250;

/** One try. */
const TRY_MS = 10_000;

export class Announcer {
  readonly #node: ClusterNode;
  readonly #member: MemberInfo;
  readonly #log: Log;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(node: ClusterNode, member: MemberInfo, log: Log) {
    this.#node = node;
    this.#member = member;
    this.#log = log;
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
    if (this.#stopped || this.#isKnown()) return;
    this.#timer = systemTimers.after(LOOK_MS, () => void this.#look());
  }

  async #announce(): Promise<void> {
    const id = { kind: "entry", ...this.#node.nextSequence(SYSTEM_GROUP) } as const;
    const envelope = { id, command: { kind: "announce", member: this.#member } } as const;
    try {
      await this.#node.router.ask(SYSTEM_GROUP, { kind: "system-command", envelope }, TRY_MS);
    } catch (error) {
      this.#log.warn("the cluster does not answer yet", { reason: errorText(error) });
    }
  }

  #isKnown(): boolean {
    const row = this.#node.directory.member(this.#member.node);
    if (row === undefined) return false;
    const { kind: _kind, state: _state, ...known } = row;
    return JSON.stringify(sorted(known)) === JSON.stringify(sorted(this.#member));
  }
}

function sorted(member: MemberInfo): readonly (readonly [string, unknown])[] {
  return Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
}
