/**
 * A group that has lost the majority of its replicas for good (R8): the newest log that is left goes on
 * as the only voter of a new epoch, with a new replica id, so that none of the old ones can ever vote
 * beside it. Only an operator who accepts the loss may ask for it.
 */
import type { Entry, ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Log } from "../std/log.ts";
import type { Caller } from "./caller.ts";
import { ActorError } from "./errors.ts";
import type { AnyReplica } from "./group-host.ts";
import { soleMembership } from "./membership.ts";
import type { Call, CallAnswer, LogPort, StoredReplica } from "./ports.ts";
import { EPOCH_STEP, judgeLoss, type Loss, nextEpoch, type Survivor } from "./recovery-plan.ts";

/** A node that is connected and says nothing for so long is not lost, it is slow. */
const ASK_MS = 5_000;

/** Applying the rest of a log, and two synced writes. */
const RECOVER_MS = 60_000;

/** Entries read at once. */
const READ_BYTES_MAX = 1 << 20;

type RecoverCall = Extract<Call, { readonly kind: "recover-replica" }>;

export interface GroupRecoveryDeps {
  readonly self: NodeId;
  readonly storeId: string;
  readonly log: Log;
  readonly logs: LogPort;
  readonly caller: Pick<Caller, "ask">;
  readonly replica: (group: number) => AnyReplica | undefined;
  /** Every node that may have a replica, this one included. */
  readonly nodes: (group: number) => readonly NodeId[];
  readonly nameOf: (node: NodeId) => string;
  /** Takes the group's replica out of service here. */
  readonly retire: (group: number) => void;
  readonly open: (stored: StoredReplica) => Promise<void>;
}

export class GroupRecovery {
  readonly #deps: GroupRecoveryDeps;

  constructor(deps: GroupRecoveryDeps) {
    this.#deps = deps;
  }

  /** What is left of the group. @throws {ActorError} `RECOVERY_REFUSED` while a majority may answer. */
  async explain(group: number): Promise<Loss> {
    return (await this.#survey(group)).loss;
  }

  /** Has the newest survivor go on alone. @throws {ActorError} as `explain`, and when it cannot. */
  async recover(group: number): Promise<Loss> {
    const { loss, survivors } = await this.#survey(group);
    const { node, replica, lastIndex } = loss.newest;
    const next = nextEpoch(survivors);
    const call = { kind: "recover-replica", group, replica, lastIndex, next } as const;
    const answer = await this.#deps.caller.ask(node, call, RECOVER_MS);
    if (answer?.kind === "done") return loss;
    throw refused(
      answer?.kind === "error" ? answer.message : `${this.#deps.nameOf(node)} did not answer`,
    );
  }

  /** What another node asks about a replica here, or of it. */
  async serve(
    call: RecoverCall | Extract<Call, { readonly kind: "standing" }>,
  ): Promise<CallAnswer> {
    const replica = this.#deps.replica(call.group);
    if (call.kind === "standing") {
      return {
        kind: "standing",
        standing: replica === undefined ? undefined : standingOf(replica),
      };
    }
    await this.#recoverHere(replica, call);
    return { kind: "done" };
  }

  async #survey(
    group: number,
  ): Promise<{ readonly loss: Loss; readonly survivors: readonly Survivor[] }> {
    const { caller, nodes } = this.#deps;
    const answers = await Promise.all(
      nodes(group).map(async (node) => {
        const answer = await caller.ask(node, { kind: "standing", group }, ASK_MS);
        return { node, answer };
      }),
    );
    const survivors: Survivor[] = [];
    for (const { node, answer } of answers) {
      if (answer === undefined) {
        const name = this.#deps.nameOf(node);
        throw refused(`${name} is connected and does not answer; ask again, or stop it`);
      }
      // What could not be sent at all is answered with `not-scheduler`: the node is not there.
      if (answer.kind !== "standing" || answer.standing === undefined) continue;
      survivors.push({ node, ...answer.standing });
    }
    const judged = judgeLoss(survivors);
    if (judged.kind === "refused") throw refused(judged.reason);
    return { loss: judged, survivors };
  }

  async #recoverHere(replica: AnyReplica | undefined, call: RecoverCall): Promise<void> {
    const { log, retire, open } = this.#deps;
    const { group, next } = call;
    const status = replica?.core.status();
    if (replica === undefined || status === undefined || replica.id !== call.replica) {
      throw refused("the replica that was to go on is not there any more");
    }
    if (status.role === "leader" || status.lastIndex !== call.lastIndex) {
      throw refused("the group moved meanwhile; ask again");
    }
    log.warn("recovers a group: what only the lost replicas had is given up", { group });
    const lastIndex = await replica.finishAlone({
      retire: () => retire(group),
      read: (firstIndex, to) => this.#read(group, firstIndex, to),
    });
    const stored = await this.#succeed(group, { ...next, lastIndex });
    await open(stored);
    log.warn("a group was recovered", { group, replica: next.replica, lastIndex });
  }

  #read(group: number, firstIndex: number, lastIndex: number): Promise<readonly Entry[]> {
    return this.#deps.logs.readEntries(group, { firstIndex, lastIndex, bytesMax: READ_BYTES_MAX });
  }

  async #succeed(
    group: number,
    next: { readonly replica: ReplicaId; readonly term: number; readonly lastIndex: number },
  ): Promise<StoredReplica> {
    const { self, storeId, logs } = this.#deps;
    const { replica, term, lastIndex } = next;
    const membership = soleMembership({ replica, node: self, storeId });
    const index = lastIndex + EPOCH_STEP;
    return logs.succeedReplica({ group, replica, index, term, membership });
  }
}

function standingOf(replica: AnyReplica): Extract<CallAnswer, { kind: "standing" }>["standing"] {
  const { term, lastIndex, lastTerm, applied } = replica.core.status();
  const { id, membership } = replica;
  return { replica: id, term, lastIndex, lastTerm, appliedIndex: applied, membership };
}

function refused(reason: string): ActorError {
  return new ActorError({ code: "RECOVERY_REFUSED" }, reason);
}
