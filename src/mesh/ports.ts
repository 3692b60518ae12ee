/** A node: the text form of its libp2p peer id, an Ed25519 public key. */
export type NodeId = string;

/**
 * Who decides about newcomers. Called by the mesh on the member that a newcomer dialled; several
 * newcomers may be in progress at once (bounded by the mesh).
 */
export interface Admission {
  /** The verifier of an open ticket, or `undefined` when there is none (unknown, expired, used up). */
  verifier(ticketId: string): Promise<Uint8Array | undefined>;
  /**
   * Called once the newcomer has proved that it knows the ticket's secret. What it resolves to is
   * sent back; the membership must be durable by then. May throw a `JobxError`, whose code and
   * message are sent instead.
   */
  admit(newcomer: Newcomer, request: Uint8Array): Promise<Uint8Array>;
}

/** A proven newcomer. */
export interface Newcomer {
  readonly node: NodeId;
  readonly ticketId: string;
}

/** A member and where it can be dialled; no addresses: it must dial us. */
export interface Member {
  readonly node: NodeId;
  readonly addresses: readonly string[];
}

/** How a peer came up. */
export interface PeerUp {
  /** Random per process of the peer, in hexadecimal. */
  readonly bootId: string;
  /**
   * False when nothing or only the connection was lost, true when the peer is another process than
   * the one that was up before. Either way frames sent before may be lost.
   */
  readonly restarted: boolean;
}

/**
 * Why a peer counts as down. `refused`: its host answers and nothing listens there; `closed`: the
 * connection closed and did not come back in time; `silent`: the connection is open and says nothing.
 */
export type DownReason = "refused" | "closed" | "silent";

/**
 * What the mesh tells its owner. Called on the loop's own turns, one at a time. `onPeerUp` comes
 * before the first frame of a connection, and again without `onPeerDown` between when a connection
 * was replaced. A `JobxError` from `onFrame` says that the frame is malformed: the peer's stream is
 * closed with its code.
 */
export interface MeshHandlers {
  /** `frame` may be a view of a larger buffer: copy what is kept for long. */
  onFrame(from: NodeId, frame: Uint8Array): void;
  onPeerUp(node: NodeId, up: PeerUp): void;
  onPeerDown(node: NodeId, reason: DownReason): void;
}

/** Answers a bulk request chunk by chunk; is not asked for more than the reader takes. */
export type BulkHandler = (
  from: NodeId,
  header: Uint8Array,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;
