/** Questions to other nodes and their answers. A question that gets none in time is given up. */

import type { NodeId } from "../scheduler/dataset.ts";
import type { Timers } from "../std/clock.ts";
import { isJobxError, type JobxError, plainDetails } from "../std/errors.ts";
import type { Random } from "../std/random.ts";
import type { Call, CallAnswer, MeshPort } from "./ports.ts";

/** Questions under way at once from one node; more are refused (R21). */
const CALLS_MAX = 20_000;

/**
 * Calls of one other node that are being answered at once; more are refused. As many as that node's own
 * bound lets it ask, so that only one that keeps to no bound is ever refused.
 */
export const SERVED_PER_NODE_MAX = CALLS_MAX;

/** Runs of a node begin anywhere below this; far more than a run counts up. */
const FIRST_ID_MAX = 2 ** 52;

export interface CallerDeps {
  readonly timers: Timers;
  readonly mesh: MeshPort;
  readonly random: Random;
  /** R10: why a node must not be asked this yet; undefined where it may. */
  readonly refusal: (to: NodeId, call: Call) => JobxError | undefined;
  /** Answers what this node is asked, also by itself. */
  readonly serve: (from: NodeId, call: Call) => Promise<CallAnswer>;
}

interface Open {
  readonly to: NodeId;
  readonly end: (answer: CallAnswer | undefined) => void;
}

export class Caller {
  readonly #deps: CallerDeps;
  readonly #open = new Map<number, Open>();
  /** Calls that are being answered, by who asked. */
  readonly #serving = new Map<NodeId, number>();
  #lastId: number;

  constructor(deps: CallerDeps) {
    this.#deps = deps;
    // An answer to this node's last run may still come: its question must not be taken for one of now.
    this.#lastId = Math.floor(deps.random.next() * FIRST_ID_MAX);
  }

  /**
   * Asks one node. Undefined when no answer came in time or the node went down: whether the call had
   * an effect is then unknown.
   */
  async ask(to: NodeId, call: Call, timeoutMs: number): Promise<CallAnswer | undefined> {
    const { mesh, timers } = this.#deps;
    if (to === mesh.self) return this.#askSelf(call, timeoutMs);
    if (this.#open.size >= CALLS_MAX) return TOO_MANY;
    const refused = this.#deps.refusal(to, call);
    if (refused !== undefined) return answerOf(refused);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = timers.after(timeoutMs, () => end(undefined));
      const end = (answer: CallAnswer | undefined): void => {
        if (!this.#open.delete(id)) return;
        timer.cancel();
        resolve(answer);
      };
      this.#open.set(id, { to, end });
      // Not sent at all: the caller may try elsewhere at once.
      if (!mesh.send(to, { kind: "call", id, call })) end(NOT_SENT);
    });
  }

  /** This node may wait for a majority as long as any other. */
  #askSelf(call: Call, timeoutMs: number): Promise<CallAnswer | undefined> {
    return new Promise((resolve) => {
      const timer = this.#deps.timers.after(timeoutMs, () => resolve(undefined));
      void this.serve(this.#deps.mesh.self, call).then((answer) => {
        timer.cancel();
        resolve(answer);
      });
    });
  }

  /** Another node asks. */
  async asked(from: NodeId, id: number, call: Call): Promise<void> {
    const count = this.#serving.get(from) ?? 0;
    if (count >= SERVED_PER_NODE_MAX) {
      this.#deps.mesh.send(from, { kind: "answer", id, answer: TOO_MANY });
      return;
    }
    this.#serving.set(from, count + 1);
    const answer = await this.serve(from, call);
    const left = (this.#serving.get(from) ?? 0) - 1;
    if (left > 0) this.#serving.set(from, left);
    else this.#serving.delete(from);
    this.#deps.mesh.send(from, { kind: "answer", id, answer });
  }

  /** Another node answers. */
  answered(from: NodeId, id: number, answer: CallAnswer): void {
    const open = this.#open.get(id);
    if (open?.to === from) open.end(answer);
  }

  /** What was asked of a node that went down gets no answer. */
  nodeDown(node: NodeId): void {
    for (const open of [...this.#open.values()]) if (open.to === node) open.end(undefined);
  }

  /** Answers a call here; whatever goes wrong becomes an answer. */
  async serve(from: NodeId, call: Call): Promise<CallAnswer> {
    try {
      return await this.#deps.serve(from, call);
    } catch (error) {
      return answerOf(error);
    }
  }
}

const TOO_MANY: CallAnswer = {
  kind: "error",
  code: "COMMAND_QUEUE_FULL",
  message: "too many calls are under way",
  details: {},
};

/** The node cannot be reached now; the call had no effect. */
const NOT_SENT: CallAnswer = { kind: "not-scheduler", leader: undefined };

function answerOf(error: unknown): CallAnswer {
  if (!isJobxError(error)) {
    const message = error instanceof Error ? error.message : "not an error";
    return { kind: "error", code: "INTERNAL", message, details: {} };
  }
  const { details } = error;
  if (details.code === "COMMAND_NOT_ACCEPTED") {
    const { leader } = details;
    return { kind: "not-scheduler", leader: typeof leader === "string" ? leader : undefined };
  }
  const { code } = details;
  return { kind: "error", code, message: error.message, details: plainDetails(error) };
}
