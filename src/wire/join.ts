/** What a newcomer and a member say to each other once the ticket is proved, and the ticket itself. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import { ADDRESS_LENGTH_MAX, ADDRESSES_MAX, ID_LENGTH_MAX } from "./bounds.ts";
import { bytes, text } from "./codec.ts";
import { array, struct } from "./codec-shapes.ts";
import { nodeIdCodec } from "./dataset-codec.ts";
import { defineFormat, type Format } from "./frame.ts";
import { memberInfoCodec } from "./system.ts";

/** Members named in an answer; a newcomer learns the rest from them. */
const MEMBERS_MAX = 4096;

/** Bytes of an answer. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** A newcomer says who it is. */
export interface JoinRequest {
  readonly member: MemberInfo;
}

/** A member and where it is reached. */
export interface KnownMember {
  readonly node: NodeId;
  readonly addresses: readonly string[];
}

/** The newcomer belongs to the cluster. */
export interface JoinAnswer {
  readonly clusterId: string;
  readonly members: readonly KnownMember[];
}

/** What `--join` takes: whoever has it may join until it expires or is used up. */
export interface TicketText {
  readonly id: string;
  /** Of the cluster that it lets in to; tells a node that has joined already whether that is its own. */
  readonly clusterId: string;
  readonly secret: Uint8Array;
  readonly addresses: readonly string[];
}

const addresses = array(text(ADDRESS_LENGTH_MAX), ADDRESSES_MAX);

export const joinRequestFormat: Format<JoinRequest> = defineFormat({
  codec: struct<JoinRequest>({ member: memberInfoCodec }),
  version: 1,
  bytesMax: 64 * 1024,
});

export const joinAnswerFormat: Format<JoinAnswer> = defineFormat({
  codec: struct<JoinAnswer>({
    clusterId: text(ID_LENGTH_MAX),
    members: array(struct<KnownMember>({ node: nodeIdCodec, addresses }), MEMBERS_MAX),
  }),
  version: 1,
  bytesMax: ANSWER_BYTES_MAX,
});

export const ticketFormat: Format<TicketText> = defineFormat({
  codec: struct<TicketText>({
    id: text(ID_LENGTH_MAX),
    clusterId: text(ID_LENGTH_MAX),
    secret: bytes(64),
    addresses,
  }),
  version: 1,
  bytesMax: 16 * 1024,
});
