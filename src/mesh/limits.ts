import { assert } from "../std/assert.ts";

/** Bytes in the units that people say. */
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Bounds that an operator or a test may change. All have defaults that suit a cluster of up to
 * about fifty nodes on one network.
 */
export interface MeshLimits {
  /** Largest frame of the control stream. A Raft message carries at most one entry above 1 MiB. */
  readonly frameBytesMax: number;
  /** Bytes that may wait for one peer; beyond it `send` says no. At least one frame. */
  readonly queueBytesMax: number;
  /** Silence on an open connection after which the peer counts as down, ms. */
  readonly silenceMs: number;
  /** How long a newcomer may take from connecting to a full proof and request, ms. */
  readonly joinMs: number;
  /** How long admission itself (a committed entry) may take, ms. */
  readonly admitMs: number;
  /** Newcomers' connections at once; more are refused before they cost anything. */
  readonly joinsAtOnceMax: number;
  /** Newcomers' connections in any minute: bounds how fast proofs can be tried. */
  readonly joinsPerMinuteMax: number;
}

/** The defaults of `MeshLimits`. */
export const DEFAULT_LIMITS: MeshLimits = {
  frameBytesMax: 8 * MIB,
  queueBytesMax: 32 * MIB,
  silenceMs: 4_000,
  joinMs: 5_000,
  admitMs: 30_000,
  joinsAtOnceMax: 16,
  joinsPerMinuteMax: 120,
};

/** One write into a stream. Larger writes gain nothing and hold the loop longer (encryption). */
export const WRITE_BYTES = MIB;

/** Largest header of a bulk request: it names things, it does not carry them. */
export const BULK_HEADER_BYTES_MAX = 64 * KIB;

/** Bulk bytes that wait for a slow reader beside the stream's own window, before it pauses. */
export const BULK_READ_AHEAD_BYTES = 2 * MIB;

/** Bulk streams that one peer may have open here: each costs up to a window of memory. */
export const BULK_STREAMS_PER_PEER_MAX = 32;

/** A bulk reader that takes nothing for so long is given up, ms. */
export const BULK_STALL_MS = 120_000;

/** Work between two looks at the loop: well under the 10 ms that a step may take. */
export const SLICE_MS = 5;

/**
 * Bytes in flight on one stream: 40 MB/s at a round trip of 50 ms. A whole window may arrive in one
 * turn of the loop, and a MiB costs 2.5 ms to decrypt.
 */
export const WINDOW_BYTES_MAX = 2 * MIB;

/** What a paused stream may hold; must exceed the window, or a pause would reset the stream. */
export const READ_BUFFER_BYTES_MAX = 8 * MIB;
assert(READ_BUFFER_BYTES_MAX > WINDOW_BYTES_MAX, "a paused stream must hold a whole window");

/** What a newcomer may send in one frame, and what it accepts as an answer (lists of members). */
export const JOIN_FRAME_BYTES_MAX = 64 * KIB;
export const JOIN_ANSWER_BYTES_MAX = MIB;

/** Longest ticket id, bytes of UTF-8. */
export const TICKET_ID_BYTES_MAX = 128;

/** Removed nodes that are refused outright; beyond it the oldest may try to join again (and fail). */
export const REVOKED_MAX = 4_096;

/** Addresses kept per member; each costs up to a dial's time when a peer is away. */
export const ADDRESSES_PER_MEMBER_MAX = 8;

/** Largest gossip message: hints and progress are small. */
export const GOSSIP_BYTES_MAX = 64 * KIB;
/** Topics that this node subscribes to. */
export const GOSSIP_TOPICS_MAX = 64;

/** One dial of one peer over all its addresses, and of one address, ms. */
export const DIAL_MS = 5_000;
export const ADDRESS_DIAL_MS = 3_000;

/** From an open connection to an open control stream, ms. */
export const HELLO_MS = 5_000;

/**
 * Connections between nodes of one host come in bursts (all start at once), probes and a bulk key
 * beside the node's own multiply them: libp2p's defaults (5 a second and host, 10 pending) refuse
 * them.
 */
export const INBOUND_CONNECTIONS_PER_SECOND = 500;
export const INBOUND_PENDING_MAX = 100;
export const CONNECTIONS_MAX = 1_024;
export const PARALLEL_DIALS_MAX = 32;

/** Streams of all protocols on one connection. */
export const STREAMS_PER_CONNECTION_MAX = 256;
