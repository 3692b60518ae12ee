// Who may connect: the connection gater's answers.
import type { ConnectionGater } from "@libp2p/interface";
import { REVOKED_MAX } from "./limits.ts";
import type { NodeId } from "./ports.ts";

/** Members, removed members and those that we are about to ask for admission. */
export class Membership {
  #members: ReadonlySet<NodeId> = new Set();
  readonly #revoked = new Set<NodeId>();
  readonly #asked = new Map<NodeId | undefined, number>();

  /** Whether the node is a member now. */
  has(node: NodeId): boolean {
    return this.#members.has(node);
  }

  /** Whether the node was removed and not added again: it is refused outright, even to join. */
  isRevoked(node: NodeId): boolean {
    return this.#revoked.has(node);
  }

  /** Replaces the members; those that are gone, and `revoked`, are refused from now on. */
  replace(members: ReadonlySet<NodeId>, revoked: Iterable<NodeId>): void {
    const gone = [...this.#members].filter((node) => !members.has(node));
    this.#members = members;
    for (const node of [...gone, ...revoked]) this.#revoked.add(node);
    for (const node of members) this.#revoked.delete(node);
    for (const node of this.#revoked) {
      if (this.#revoked.size <= REVOKED_MAX) break;
      this.#revoked.delete(node);
    }
  }

  /** Allows dialling a stranger while we ask it for admission; `undefined`: whoever answers. */
  ask(node: NodeId | undefined): void {
    this.#asked.set(node, (this.#asked.get(node) ?? 0) + 1);
  }

  /** The counterpart of `ask`. */
  asked(node: NodeId | undefined): void {
    const count = (this.#asked.get(node) ?? 0) - 1;
    if (count > 0) this.#asked.set(node, count);
    else this.#asked.delete(node);
  }

  /** Whether we may have a connection to the node that we dialled. */
  mayDial(node: NodeId): boolean {
    return this.has(node) || this.#asked.has(node) || this.#asked.has(undefined);
  }
}

/** The gater: a peer is known only after encryption, and is judged before any stream. */
export function createGater(
  membership: Membership,
  hasRoomForStranger: () => boolean,
): ConnectionGater {
  return {
    denyDialPeer: (peer) => !membership.mayDial(peer.toString()),
    denyOutboundEncryptedConnection: (peer) => !membership.mayDial(peer.toString()),
    denyInboundEncryptedConnection: (peer) => {
      const node = peer.toString();
      if (membership.has(node)) return false;
      return membership.isRevoked(node) || !hasRoomForStranger();
    },
  };
}
