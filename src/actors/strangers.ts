/**
 * Replicas that write to one here whose membership does not know them. Mostly a change that added them is
 * not applied here yet; but any member of the cluster could claim to be such a one, and lead a group that
 * it does not belong to. So while a replica hears of its leader, it takes nothing of a stranger until
 * another that it does know says that the stranger belongs. Without a leader there may be nobody left who
 * knows, and the stranger may be the leader to come: then it is taken, and the log says so.
 */
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import type { Caller } from "./caller.ts";
import type { AnyReplica } from "./group-host.ts";
import type { MeshPort } from "./ports.ts";

/** Between two rounds of questions about one stranger, ms; what it says is said again. */
const ASK_AGAIN_MS = 1_000;

const ANSWER_MS = 2_000;

/** Strangers that are remembered; beyond it the oldest are asked about again. */
const STRANGERS_MAX = 1_024;

export interface StrangersDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly mesh: Pick<MeshPort, "self" | "isUp">;
  readonly caller: Pick<Caller, "ask">;
  /** A leader that is silent for so many ticks is none. */
  readonly silentTicksMax: number;
}

/** A replica as far as it matters who may write to it. */
export type VisitedReplica = Pick<AnyReplica, "group" | "membership"> & {
  readonly core: {
    status(): { readonly leader: ReplicaId | undefined; readonly silentTicks: number };
  };
};

interface Asked {
  readonly atMs: number;
  readonly belongs: boolean;
}

export class Strangers {
  readonly #deps: StrangersDeps;
  /** By group, replica and node. */
  readonly #asked = new Map<string, Asked>();

  constructor(deps: StrangersDeps) {
    this.#deps = deps;
  }

  /** Whether a message of the replica `sender`, on the node `from`, may be taken now. */
  mayEnter(replica: VisitedReplica, sender: ReplicaId, from: NodeId): boolean {
    const { clock, log, silentTicksMax } = this.#deps;
    const name = `${replica.group} ${sender} ${from}`;
    const asked = this.#asked.get(name);
    if (asked?.belongs === true) return true;
    const { leader, silentTicks } = replica.core.status();
    const isNews = asked === undefined || clock.nowMs() - asked.atMs >= ASK_AGAIN_MS;
    const about = { group: replica.group, replica: sender, node: from };
    if (leader === undefined || silentTicks >= silentTicksMax) {
      if (isNews) log.info("takes the word of a replica that is not known here", about);
      this.#remember(name, false);
      return true;
    }
    if (!isNews) return false;
    this.#remember(name, false);
    void this.#ask(replica, { name, sender, from });
    return false;
  }

  async #ask(
    { group, membership }: VisitedReplica,
    stranger: { readonly name: string; readonly sender: ReplicaId; readonly from: NodeId },
  ): Promise<void> {
    const { mesh, caller, log } = this.#deps;
    const { name, sender, from } = stranger;
    const nodes = new Set(membership.places.map(({ node }) => node));
    const witnesses = [...nodes].filter(
      (node) => node !== mesh.self && node !== from && mesh.isUp(node),
    );
    const answers = await Promise.all(
      witnesses.map((node) => caller.ask(node, { kind: "standing", group }, ANSWER_MS)),
    );
    const belongs = answers.some(
      (answer) =>
        answer?.kind === "standing" &&
        answer.standing?.membership.places.some(
          (place) => place.replica === sender && place.node === from,
        ) === true,
    );
    if (belongs) this.#remember(name, true);
    else log.warn("a node writes for a group that it is not known in", { group, node: from });
  }

  #remember(name: string, belongs: boolean): void {
    this.#asked.delete(name);
    this.#asked.set(name, { atMs: this.#deps.clock.nowMs(), belongs });
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > STRANGERS_MAX && oldest !== undefined) this.#asked.delete(oldest);
  }
}
