/**
 * Brings a call to whoever leads its group, and again to the next one after a failover, as long as the
 * caller waits. R15: what may be repeated is repeated with the same id, so it happens once.
 */

import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, Timers } from "../std/clock.ts";
import { JobxError } from "../std/errors.ts";
import type { Caller } from "./caller.ts";
import { ActorError } from "./errors.ts";
import { isCommand } from "./message-versions.ts";
import type { Call, CallAnswer } from "./ports.ts";

/** One question to one node: longer than an election, since a leader may just be committing. */
const ASK_MS_MAX = 5_000;

/** Between two rounds over all nodes that might lead. */
const ROUND_PAUSE_MS = 100;

export interface RouterDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly caller: Caller;
  /** Nodes that may lead the group, the likeliest first. */
  readonly candidates: (group: number) => readonly NodeId[];
  /** Why this node's own replica of the group does not serve, if it has one that does not. */
  readonly trouble: (group: number) => string | undefined;
  /** Whether this node has learnt that the group is no more. */
  readonly gone: (group: number) => boolean;
  /**
   * R10: the cluster's version by a copy of the system group that was made as new as the call; undefined
   * where nobody confirmed one in so many milliseconds, or in a part of them.
   */
  readonly freshVersion: (ms: number) => Promise<number | undefined>;
  /** Why nobody who leads the group was found; `named` is as for `whyUnled`. */
  readonly whyUnled: (group: number, named: ReadonlyMap<NodeId, NodeId>) => string;
}

/** An error that came from another node, with the code that it had there. */
export class RemoteError extends JobxError {}

/** What a leader answers that took nothing, and that says nothing of whoever was asked before it. */
const HAD_NO_EFFECT: ReadonlySet<string> = new Set([
  "COMMAND_QUEUE_FULL",
  "CLUSTER_VERSION_TOO_LOW",
]);

/** Calls that leave everything as it is, so that nobody need learn what became of them. */
const ASKS: ReadonlySet<Call["kind"]> = new Set<Call["kind"]>([
  "read",
  "wait",
  "events",
  "tree-changes",
  "run-references",
  "held-rows",
]);

export class Router {
  readonly #deps: RouterDeps;
  readonly #leaders = new Map<number, NodeId>();
  /** Terms of hints, so that a late one does not undo a newer. */
  readonly #hintTerms = new Map<number, number>();

  constructor(deps: RouterDeps) {
    this.#deps = deps;
  }

  /** The node that last answered as the group's scheduler. */
  leaderOf(group: number): NodeId | undefined {
    return this.#leaders.get(group);
  }

  /** Somebody says that `node` leads the group; the next call goes there first. */
  hint(group: number, node: NodeId, term: number): void {
    if (term <= (this.#hintTerms.get(group) ?? 0)) return;
    this.#hintTerms.set(group, term);
    this.#leaders.set(group, node);
  }

  /**
   * Asks the group's leader.
   * @throws {ActorError} `NO_MAJORITY` when no leader took the call in time: it had no effect.
   * `COMMAND_OUTCOME_UNKNOWN` when one may have taken it and did not answer. `WORKFLOW_UNKNOWN` when the
   * group was deleted. `COMMAND_NOT_ACCEPTED` when it was told that the cluster's version is too low, and
   * that could not be confirmed, or was the word of a node that is behind and stayed so.
   * @throws {RemoteError} with the code that the leader answered.
   */
  async ask(group: number, call: Call, deadlineMs: number): Promise<CallAnswer> {
    const { clock } = this.#deps;
    const endMs = clock.nowMs() + deadlineMs;
    let uncertain = false;
    let early: string | undefined;
    // By who said so, the newest word last: one that is behind hides nobody.
    const named = new Map<NodeId, NodeId>();
    while (clock.nowMs() < endMs) {
      // Its replicas are no more: nobody would ever say that it leads.
      if (this.#deps.gone(group)) {
        throw new ActorError({ code: "WORKFLOW_UNKNOWN" }, "the workflow was deleted");
      }
      const tried = new Set<NodeId>();
      for (let to = this.#next(group, tried); to !== undefined; to = this.#next(group, tried)) {
        tried.add(to);
        const leftMs = endMs - clock.nowMs();
        if (leftMs <= 0) break;
        const waitMs = "waitMs" in call ? call.waitMs + ASK_MS_MAX : ASK_MS_MAX;
        const answer = await this.#deps.caller.ask(to, call, Math.min(leftMs, waitMs));
        if (answer === undefined) {
          uncertain = true;
          this.#forget(group, to);
          continue;
        }
        if (answer.kind === "not-scheduler") {
          this.#forget(group, to);
          // It knows better now, or of nobody any more.
          named.delete(to);
          if (answer.leader !== undefined) {
            named.set(to, answer.leader);
            this.#leaders.set(group, answer.leader);
          }
          continue;
        }
        this.#leaders.set(group, to);
        if (answer.kind !== "error") return answer;
        if (answer.code === "COMMAND_OUTCOME_UNKNOWN" || answer.code === "REPLICA_STOPPED") {
          uncertain = true;
          continue;
        }
        // It had no effect there, but whoever was asked before may have taken it.
        if (HAD_NO_EFFECT.has(answer.code) && uncertain && !onlyAsks(call)) continue;
        if (await this.#isBehind(answer, endMs)) {
          early = answer.message;
          continue;
        }
        throw new RemoteError({ ...answer.details, code: answer.code }, answer.message);
      }
      // With nobody else to ask, waiting would not help: a stopped replica stays so.
      if (tried.size === 1 && this.#deps.trouble(group) !== undefined) break;
      await this.#pause(Math.min(ROUND_PAUSE_MS, Math.max(1, endMs - clock.nowMs())));
    }
    const why = this.#deps.whyUnled(group, named);
    throw this.#failure(group, call, { uncertain: uncertain && !onlyAsks(call), early, why });
  }

  /**
   * Whether it may be the word of a copy that is behind, here or there, that the cluster's version is too
   * low: then asking again helps, since every node learns of a raise.
   */
  async #isBehind(
    { code, details }: Extract<CallAnswer, { kind: "error" }>,
    endMs: number,
  ): Promise<boolean> {
    if (code !== "CLUSTER_VERSION_TOO_LOW") return false;
    const version = await this.#deps.freshVersion(Math.max(1, endMs - this.#deps.clock.nowMs()));
    const needed = details["needed"];
    return version === undefined || (typeof needed === "number" && version >= needed);
  }

  #failure(
    group: number,
    call: Call,
    about: {
      readonly uncertain: boolean;
      /** That the version is too low, as somebody said who may be behind. */
      readonly early: string | undefined;
      readonly why: string;
    },
  ): ActorError {
    const { uncertain, early, why } = about;
    const trouble = this.#deps.trouble(group);
    const here = trouble === undefined ? "" : `; this node's own replica takes no part: ${trouble}`;
    if (!uncertain && early !== undefined) {
      return new ActorError(
        { code: "COMMAND_NOT_ACCEPTED", leader: undefined },
        `${early}, as a node says that may be behind; the leader of the system group did not confirm it in time${here}`,
      );
    }
    return uncertain
      ? new ActorError(
          { code: "COMMAND_OUTCOME_UNKNOWN" },
          `nobody answered in time (${why}); ${findOut(call)}${here}`,
        )
      : new ActorError({ code: "NO_MAJORITY" }, `no scheduler was found: ${why}${here}`);
  }

  #next(group: number, tried: ReadonlySet<NodeId>): NodeId | undefined {
    const known = this.#leaders.get(group);
    if (known !== undefined && !tried.has(known)) return known;
    return this.#deps.candidates(group).find((node) => !tried.has(node));
  }

  #forget(group: number, node: NodeId): void {
    if (this.#leaders.get(group) === node) this.#leaders.delete(group);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.timers.after(delayMs, resolve);
    });
  }
}

/** What whoever sent a command does to learn what became of it. */
function findOut(call: Call): string {
  return isCommand(call) && call.envelope.id.kind === "key"
    ? "repeat the command with the same key to learn what became of it"
    : "it may have taken effect, or may yet: look what became of it before you repeat it";
}

function onlyAsks({ kind }: Call): boolean {
  return ASKS.has(kind);
}
