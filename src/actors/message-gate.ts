/**
 * R10's gate for what nodes say to each other. All messages of the control stream pass it: one of a
 * later version leaves only once this node has applied that the cluster has it, which the program of each
 * member can read then. Before, an older node would end the connection (`docs/protocols.md`).
 * Bulk requests and hints do not: they are answers to needs that can wait, and an older node refuses one by itself.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { ActorError } from "./errors.ts";
import type { MeshListener, MeshPort, PeerMessage } from "./ports.ts";
import { tooLow } from "./version-gate.ts";

export interface MessageGateDeps {
  readonly mesh: MeshPort;
  /** The lowest cluster version in which a message may be sent. Pure. */
  readonly versionNeeded: (message: PeerMessage) => number;
  /** The cluster's, as this node has applied it; undefined while it does not know. */
  readonly version: () => number | undefined;
  readonly bugs: PlantedBugs;
}

export class MessageGate implements MeshPort {
  readonly #deps: MessageGateDeps;

  constructor(deps: MessageGateDeps) {
    this.#deps = deps;
  }

  get self(): NodeId {
    return this.#deps.mesh.self;
  }

  listen(listener: MeshListener): void {
    this.#deps.mesh.listen(listener);
  }

  /** False also for what must not be said yet: it certainly was not sent. */
  send(to: NodeId, message: PeerMessage): boolean {
    if (this.refusal(to, message) !== undefined) return false;
    return this.#deps.mesh.send(to, message);
  }

  /** Why a message must not be sent now, `CLUSTER_VERSION_TOO_LOW`; undefined where it may. */
  refusal(to: NodeId, message: PeerMessage): ActorError | undefined {
    const { versionNeeded, version, bugs } = this.#deps;
    // Own words are read by the program that says them.
    if (to === this.self || bugs.sendEarly === true) return undefined;
    return tooLow("message", versionNeeded(message), version());
  }

  isUp(node: NodeId): boolean {
    return this.#deps.mesh.isUp(node);
  }

  isDialable(node: NodeId): boolean {
    return this.#deps.mesh.isDialable(node);
  }

  setMembers(members: Parameters<MeshPort["setMembers"]>[0]): void {
    this.#deps.mesh.setMembers(members);
  }
}
