/**
 * The system group as this node's own copy has it, made new where that matters: what somebody was told
 * at another node a moment ago must not be unknown here.
 */
import type { ClusterNode } from "../actors/cluster-node.ts";
import { ActorError } from "../actors/errors.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { ClusterRow, WorkflowRow } from "../scheduler/system/rows.ts";
import type { Clock, Timers } from "../std/clock.ts";
import type { Deadline } from "../std/deadline.ts";
import { ClusterError, workflowUnknown } from "./cluster-errors.ts";
import { systemClock, systemTimers } from "./system.ts";

/** Between the beginnings of two rounds: a flood of questions costs the leader so many at most. */
const ROUND_PAUSE_MS = 20;

/** A round whose message was lost gets no answer: another one is begun. */
const ROUND_MS_MAX = 1_000;

/** Before another round where no leader is known. */
const AGAIN_MS = 100;

export interface SystemViewDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly directory: {
    readonly cluster: ClusterRow | undefined;
    workflowNamed(name: string): WorkflowRow | undefined;
    workflow(group: number): WorkflowRow | undefined;
  };
  /** Resolves when the copy here is as new as the group was when it was called; rejects without a leader. */
  readonly linearize: () => Promise<void>;
}

/** Where a call stands that reads. */
export interface ReadEnd {
  readonly deadline: Deadline;
  /** Content with the copy as it is (R15). */
  readonly stale?: boolean;
}

/** The view of a node's own replica. */
export function systemViewOf({ directory, host, system }: ClusterNode): SystemView {
  const linearize = async (): Promise<void> => {
    host.touch(SYSTEM_GROUP);
    await (system.replica?.linearize() ?? Promise.reject(new Error("no replica here")));
  };
  return new SystemView({ clock: systemClock, timers: systemTimers, directory, linearize });
}

export class SystemView {
  readonly #deps: SystemViewDeps;
  /** The round that has not begun: whoever asks now is served by it. */
  #next: Promise<boolean> | undefined;
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SystemViewDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when the copy here is not older than this call, and the cluster is founded in it: the first
   * leader can confirm reads before the log says who founded the cluster, and by such a copy everybody
   * and everything would be unknown, the founder's own token as well.
   * @throws {ActorError} `NO_MAJORITY` when no leader with a majority confirmed that in time.
   * @throws {ClusterError} `NODE_NOT_READY` when one did, and the cluster was not founded in time.
   */
  async fresh(ms: number): Promise<void> {
    const { clock, directory } = this.#deps;
    const endMs = clock.nowMs() + ms;
    let isFounding = false;
    for (let leftMs = ms; leftMs > 0; leftMs = endMs - clock.nowMs()) {
      this.#next ??= this.#begin();
      const isNew = await this.#inTime(this.#next, leftMs);
      if (isNew && directory.cluster !== undefined) return;
      isFounding ||= isNew;
      const pauseMs = Math.min(isNew ? ROUND_PAUSE_MS : AGAIN_MS, endMs - clock.nowMs());
      if (pauseMs > 0) await this.#pause(pauseMs);
    }
    if (isFounding && directory.cluster === undefined) {
      throw new ClusterError({ code: "NODE_NOT_READY" }, "the cluster is being founded");
    }
    throw new ActorError(
      { code: "NO_MAJORITY" },
      "no leader of the system group was found, so this node cannot tell whether its copy is new; ?stale=true lists it as it is",
    );
  }

  /** The living workflow of that name. @throws {ClusterError} `WORKFLOW_UNKNOWN`; `NO_MAJORITY`. */
  async workflowNamed(name: string, { deadline, stale = false }: ReadEnd): Promise<WorkflowRow> {
    const { directory } = this.#deps;
    const known = directory.workflowNamed(name);
    if (known !== undefined) return known;
    if (!stale) await this.fresh(deadline.leftMs());
    const row = directory.workflowNamed(name);
    if (row === undefined) throw workflowUnknown(name);
    return row;
  }

  /** The workflow of a group, also one that was deleted; undefined when there never was one. */
  async workflow(
    group: number,
    { deadline, stale = false }: ReadEnd,
  ): Promise<WorkflowRow | undefined> {
    const { directory } = this.#deps;
    const known = directory.workflow(group);
    if (known !== undefined || stale) return known;
    await this.fresh(deadline.leftMs());
    return directory.workflow(group);
  }

  /** Resolves with whether the copy is as new as the round's beginning; never rejects. */
  async #begin(): Promise<boolean> {
    const { clock, linearize } = this.#deps;
    await this.#pause(Math.max(0, this.#beganMs + ROUND_PAUSE_MS - clock.nowMs()));
    this.#beganMs = clock.nowMs();
    this.#next = undefined;
    const round = linearize().then(
      () => true,
      () => false,
    );
    return this.#inTime(round, ROUND_MS_MAX);
  }

  #inTime(round: Promise<boolean>, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#deps.timers.after(ms, () => resolve(false));
      void round.then((done) => {
        timer.cancel();
        resolve(done);
      });
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.timers.after(ms, resolve);
    });
  }
}
