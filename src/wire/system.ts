/** Log entries and rows of the system group. Formats `system-payload` and `system-row`, version 1. */
import { PAYLOAD_COMMANDS_MAX } from "../scheduler/commands.ts";
import type {
  MemberInfo,
  SystemCommand,
  SystemEnvelope,
  SystemPayload,
} from "../scheduler/system/commands.ts";
import {
  type FirstReplica,
  KEY_WRAPS_MAX,
  type MemberRow,
  SECRET_BYTES_MAX,
  SECRETS_MAX,
  type SealedSecret,
  type SupportRow,
  type SystemRow,
  type TokenRow,
  type WorkflowRow,
  type WrappedKey,
} from "../scheduler/system/rows.ts";
import type { VersionRange } from "../scheduler/system/version-range.ts";
import {
  ADDRESS_LENGTH_MAX,
  ADDRESSES_MAX,
  CAPABILITIES_MAX,
  ID_LENGTH_MAX,
  URL_LENGTH_MAX,
} from "./bounds.ts";
import {
  bool,
  bytes,
  type Codec,
  enumeration,
  int,
  natural,
  pattern,
  positive,
  text,
} from "./codec.ts";
import { array, optional, struct, union } from "./codec-shapes.ts";
import { commandIdCodec } from "./command.ts";
import { nodeIdCodec, sha256Codec } from "./dataset-codec.ts";
import { descriptionCodec, weightCodec } from "./definition-codec.ts";
import { ENTRY_DATA_BYTES_MAX, REPLICAS_MAX } from "./entry.ts";
import { defineFormat, type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { memoryVariants } from "./row.ts";
import { nameCodec } from "./work-codec.ts";

/** Bytes that check a ticket's proof: a key or a hash. */
const VERIFIER_BYTES_MAX = 256;

const id = text(ID_LENGTH_MAX);

const versionRange = struct<VersionRange>({ min: positive, max: positive });

const memberFields = {
  node: nodeIdCodec,
  name: text(ID_LENGTH_MAX),
  addresses: array(text(ADDRESS_LENGTH_MAX), ADDRESSES_MAX),
  api: text(URL_LENGTH_MAX),
  storeId: id,
  slots: natural,
  capabilities: array(nameCodec, CAPABILITIES_MAX),
  version: id,
  durability: enumeration<MemberRow["durability"]>({ sync: 1, none: 2 }),
  versions: versionRange,
} as const;

/** What a node says of itself. */
export const memberInfoCodec: Codec<MemberInfo> = struct<MemberInfo>(memberFields);

const firstReplica = struct<FirstReplica>({
  replica: positive,
  node: nodeIdCodec,
  storeId: id,
  role: enumeration<FirstReplica["role"]>({ voter: 1, learner: 2 }),
});

/** Different ranges of versions: as many as there are members, at most. */
const RANGES_MAX = 4096;

const firstReplicas = array(firstReplica, REPLICAS_MAX);

/** Workflows that a token may be limited to; the API takes fewer. */
const TOKEN_WORKFLOWS_MAX = 1024;

const tokenFields = {
  role: enumeration<TokenRow["role"]>({ read: 1, submit: 2, admin: 3 }),
  name: text(ID_LENGTH_MAX),
  workflows: optional(array(nameCodec, TOKEN_WORKFLOWS_MAX)),
} as const;

const keyId = pattern(/^[0-9a-f]{32}$/u, 32);

/** Bytes of a wrapped key, of any kind of wrapping there may be. */
const WRAPPED_BYTES_MAX = 256;

const keyWraps = array(
  struct<WrappedKey>({ node: nodeIdCodec, wrapped: bytes(WRAPPED_BYTES_MAX) }),
  KEY_WRAPS_MAX,
);

/** Bytes of a sealed secret, with what sealing adds in any form that there may be. */
const SEALED_BYTES_MAX = SECRET_BYTES_MAX + 256;

/** A command of the system group. */
export const systemCommandCodec: Codec<SystemCommand> = union<SystemCommand>({
  found: [1, { clusterId: id, member: memberInfoCodec, adminTokenHash: sha256Codec }],
  ticket: [
    2,
    {
      id,
      verifier: bytes(VERIFIER_BYTES_MAX),
      expiresMs: natural,
      uses: natural,
      madeBy: nodeIdCodec,
    },
  ],
  join: [3, { ticket: id, member: memberInfoCodec }],
  announce: [4, { member: memberInfoCodec }],
  "create-workflow": [
    5,
    {
      name: nameCodec,
      description: descriptionCodec,
      weight: weightCodec,
      exclusive: bool,
      replicas: firstReplicas,
    },
  ],
  "workflow-active": [6, { group: natural }],
  "workflow-told": [
    14,
    { group: natural, revision: natural, description: descriptionCodec, weight: weightCodec },
  ],
  "delete-workflow": [7, { name: nameCodec }],
  "revoke-ticket": [8, { id }],
  "drain-node": [9, { node: nodeIdCodec, drained: bool }],
  "remove-node": [10, { node: nodeIdCodec }],
  "node-removed": [11, { node: nodeIdCodec }],
  "remove-node-keeping": [15, { node: nodeIdCodec, keeps: nodeIdCodec }],
  "forget-ticket": [12, { id }],
  "workflow-deleted": [13, { group: natural }],
  "create-token": [20, { hash: sha256Codec, ...tokenFields }],
  "revoke-token": [21, { hash: sha256Codec }],
  "revoke-token-keeping": [22, { hash: sha256Codec, keeps: sha256Codec }],
  "seal-key": [30, { group: positive, id: keyId, wraps: keyWraps }],
  "seal-wrap": [31, { group: positive, id: keyId, wraps: keyWraps }],
  "put-secret": [
    115,
    {
      group: positive,
      name: nameCodec,
      bytes: int(0, SECRET_BYTES_MAX),
      sealed: bytes(SEALED_BYTES_MAX),
    },
  ],
  "delete-secret": [116, { group: positive, name: nameCodec }],
  raise: [60, { version: positive }],
});

/** A command with who asked. */
export const systemEnvelopeCodec: Codec<SystemEnvelope> = struct<SystemEnvelope>({
  id: commandIdCodec,
  command: systemCommandCodec,
});

/** One entry of the system group's log. */
export const systemPayloadFormat: Format<SystemPayload> = defineFormat({
  codec: struct<SystemPayload>({
    stampMs: natural,
    envelopes: array(systemEnvelopeCodec, PAYLOAD_COMMANDS_MAX),
  }),
  version: 1,
  bytesMax: ENTRY_DATA_BYTES_MAX,
  kept: true,
  // Whoever proposes cuts what is above 1 MiB (R12).
  sizeUnchecked: true,
});

/** Any row of the system group. */
export const systemRowCodec: Codec<SystemRow> = union<SystemRow>({
  cluster: [1, { id, nextGroup: natural, version: natural }],
  member: [
    2,
    {
      ...memberFields,
      state: enumeration<MemberRow["state"]>({
        joined: 1,
        removed: 2,
        drained: 3,
        removing: 4,
      }),
    },
  ],
  ticket: [
    3,
    {
      verifier: bytes(VERIFIER_BYTES_MAX),
      expiresMs: natural,
      usesLeft: natural,
      madeBy: nodeIdCodec,
      revoked: bool,
    },
  ],
  token: [4, { ...tokenFields, createdMs: natural }],
  workflow: [
    5,
    {
      group: natural,
      name: nameCodec,
      description: descriptionCodec,
      weight: weightCodec,
      revision: natural,
      state: enumeration<WorkflowRow["state"]>({
        creating: 1,
        active: 2,
        deleted: 3,
        deleting: 4,
      }),
      replicas: firstReplicas,
    },
  ],
  name: [6, { group: natural }],
  support: [
    50,
    {
      ranges: array(
        struct<SupportRow["ranges"][number]>({ min: positive, max: positive, members: positive }),
        RANGES_MAX,
      ),
    },
  ],
  "seal-key": [51, { id: keyId, wraps: keyWraps }],
  secrets: [
    115,
    {
      secrets: array(
        struct<SealedSecret>({
          name: nameCodec,
          bytes: int(0, SECRET_BYTES_MAX),
          setMs: natural,
          sealed: bytes(SEALED_BYTES_MAX),
        }),
        SECRETS_MAX,
      ),
    },
  ],
  ...memoryVariants,
});

/** A row of the system group as bytes. */
export const systemRowFormat: Format<SystemRow> = defineFormat({
  codec: systemRowCodec,
  version: 1,
  bytesMax: FRAME_BYTES_MAX,
  kept: true,
});
