// The join protocol: names of its frames and both sides' exchange. The joiner proves first, so that
// a stranger learns nothing about tickets; it sends its request only to a member that proved too.
import { randomBytes } from "node:crypto";
import type { Stream } from "@libp2p/interface";
import { meshError } from "./errors.ts";
import {
  checkVersion,
  decodeRemoteError,
  ERROR_KIND,
  malformed,
  packFields,
  sizedField,
  unpackFields,
  versionField,
} from "./fields.ts";
import { FrameReader } from "./frame-reader.ts";
import { tryWrite } from "./frame-writer.ts";
import { JOIN_ANSWER_BYTES_MAX, JOIN_FRAME_BYTES_MAX, TICKET_ID_BYTES_MAX } from "./limits.ts";
import type { Admission, NodeId } from "./ports.ts";
import {
  JOIN_VERSION,
  NONCE_BYTES,
  PROOF_BYTES,
  type ProofContext,
  sameProof,
  ticketProof,
  ticketVerifier,
} from "./ticket.ts";

/** Name and version in one. */
export const JOIN_PROTOCOL = "/jobx/join/1";

/** Kinds of frames on a join stream, in the order in which they come. */
export const JOIN_KIND = {
  hello: 0,
  nonce: 1,
  joinerProof: 2,
  memberProof: 3,
  request: 4,
  answer: 5,
} as const;

/** A ticket as its holder has it. */
export interface Ticket {
  readonly id: string;
  readonly secret: Uint8Array;
}

/** Who talks to whom over the stream, as the encrypted connection says. */
export interface JoinParties {
  readonly joiner: NodeId;
  readonly member: NodeId;
}

/**
 * The newcomer's side. Returns what the member answers to `request`.
 * @throws {JobxError} `MESH_REMOTE_ERROR` with the member's code, `MESH_JOIN_UNPROVEN` when the
 * member does not know the ticket (nothing was sent to it then), `MESH_STREAM_BROKEN`,
 * `MESH_FRAME_MALFORMED`.
 */
export async function joinAsNewcomer(
  stream: Stream,
  parties: JoinParties,
  wish: { readonly ticket: Ticket; readonly request: Uint8Array },
): Promise<Uint8Array> {
  const reader = new FrameReader(stream, {
    payloadBytesMax: JOIN_ANSWER_BYTES_MAX,
    waitingBytesMax: JOIN_ANSWER_BYTES_MAX,
  });
  const ticketId = Buffer.from(wish.ticket.id);
  const joinerNonce = randomBytes(NONCE_BYTES);
  tryWrite(
    stream,
    JOIN_KIND.hello,
    packFields([versionField(JOIN_VERSION), ticketId, joinerNonce]),
  );
  const memberNonce = sizedField(await needKind(reader, JOIN_KIND.nonce), NONCE_BYTES);
  const context: ProofContext = { ...parties, ticketId: wish.ticket.id, joinerNonce, memberNonce };
  const verifier = ticketVerifier(wish.ticket.secret);
  tryWrite(stream, JOIN_KIND.joinerProof, ticketProof("joiner", verifier, context));
  const proof = await needKind(reader, JOIN_KIND.memberProof);
  if (!sameProof(proof, ticketProof("member", verifier, context))) {
    throw meshError(
      { code: "MESH_JOIN_UNPROVEN", node: parties.member },
      "the node at that address does not know the ticket; it may not belong to the cluster",
    );
  }
  tryWrite(stream, JOIN_KIND.request, wish.request);
  return needKind(reader, JOIN_KIND.answer);
}

/** What the member's side knows when the newcomer has proved itself. */
export interface ProvenRequest {
  readonly ticketId: string;
  readonly request: Uint8Array;
}

/**
 * The member's side up to the request; what to answer is the caller's.
 * @throws {JobxError} `MESH_JOIN_REFUSED` for an unknown ticket or a wrong proof (they look alike),
 * `MESH_FRAME_MALFORMED`, `MESH_FRAME_TOO_LARGE`, `MESH_VERSION_UNKNOWN`, `MESH_STREAM_BROKEN`.
 */
export async function hearNewcomer(
  stream: Stream,
  parties: JoinParties,
  admission: Pick<Admission, "verifier">,
): Promise<ProvenRequest> {
  const reader = new FrameReader(stream, {
    payloadBytesMax: JOIN_FRAME_BYTES_MAX,
    waitingBytesMax: JOIN_FRAME_BYTES_MAX,
  });
  const { ticketId, joinerNonce } = decodeJoinHello(await needKind(reader, JOIN_KIND.hello));
  const memberNonce = randomBytes(NONCE_BYTES);
  tryWrite(stream, JOIN_KIND.nonce, memberNonce);
  const proof = sizedField(await needKind(reader, JOIN_KIND.joinerProof), PROOF_BYTES);
  const verifier = await admission.verifier(ticketId);
  const context: ProofContext = { ...parties, ticketId, joinerNonce, memberNonce };
  // An unknown ticket takes the same way with a key that nobody has.
  const expected = ticketProof("joiner", verifier ?? randomBytes(PROOF_BYTES), context);
  if (!sameProof(proof, expected) || verifier === undefined) {
    throw meshError(
      { code: "MESH_JOIN_REFUSED" },
      "the ticket is unknown, expired, used up or not proved",
    );
  }
  tryWrite(stream, JOIN_KIND.memberProof, ticketProof("member", verifier, context));
  return { ticketId, request: await needKind(reader, JOIN_KIND.request) };
}

function decodeJoinHello(payload: Uint8Array): { ticketId: string; joinerNonce: Uint8Array } {
  const [version, id, nonce] = unpackFields(payload, 3);
  checkVersion(version, JOIN_VERSION);
  if (id === undefined || id.length > TICKET_ID_BYTES_MAX) throw malformed();
  return {
    ticketId: Buffer.from(id).toString("utf8"),
    joinerNonce: sizedField(nonce, NONCE_BYTES),
  };
}

async function needKind(reader: FrameReader, kind: number): Promise<Uint8Array> {
  const frame = await reader.need();
  if (frame.kind === ERROR_KIND) throw decodeRemoteError(frame.payload);
  if (frame.kind !== kind) throw malformed();
  return frame.payload;
}
