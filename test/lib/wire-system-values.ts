/** Any value of the system group's commands and rows. */
import fc from "fast-check";
import type { MemberInfo, SystemCommand } from "../../src/scheduler/system/commands.ts";
import {
  type FirstReplica,
  SECRET_BYTES_MAX,
  type SystemRow,
  type WrappedKey,
} from "../../src/scheduler/system/rows.ts";
import { type Any, base, type Kinds, weight } from "./wire-values.ts";

const { one, natural, positive, bool, bytes, words, name, hash, list, maybe, memory } = base;

const memberFields = {
  node: name,
  name: words,
  addresses: list(words),
  api: words,
  storeId: name,
  slots: natural,
  capabilities: list(name),
  version: name,
  durability: fc.constantFrom("sync", "none"),
  versions: fc.record({ min: positive, max: positive }),
} as const;
const member: Any<MemberInfo> = fc.record(memberFields);
const firstReplicas: Any<readonly FirstReplica[]> = list(
  fc.record({
    replica: positive,
    node: name,
    storeId: name,
    role: fc.constantFrom("voter", "learner"),
  }),
);

const tokenFields = {
  role: fc.constantFrom("read", "submit", "admin"),
  name: words,
  workflows: maybe(list(name)),
} as const;

const keyId = fc.stringMatching(/^[0-9a-f]{32}$/u);
const keyWraps: Any<readonly WrappedKey[]> = list(fc.record({ node: name, wrapped: bytes }));

/** Commands of the system group. */
export const systemCommandKinds: Kinds<SystemCommand> = {
  found: fc.record({ kind: one("found"), clusterId: name, member, adminTokenHash: hash }),
  ticket: fc.record({
    kind: one("ticket"),
    id: name,
    verifier: bytes,
    expiresMs: natural,
    uses: natural,
    madeBy: name,
  }),
  join: fc.record({ kind: one("join"), ticket: name, member }),
  announce: fc.record({ kind: one("announce"), member }),
  "create-workflow": fc.record({
    kind: one("create-workflow"),
    name,
    description: words,
    weight,
    exclusive: bool,
    replicas: firstReplicas,
  }),
  "workflow-active": fc.record({ kind: one("workflow-active"), group: natural }),
  "workflow-told": fc.record({
    kind: one("workflow-told"),
    group: natural,
    revision: natural,
    description: words,
    weight,
  }),
  "delete-workflow": fc.record({ kind: one("delete-workflow"), name }),
  "forget-ticket": fc.record({ kind: one("forget-ticket"), id: name }),
  "workflow-deleted": fc.record({ kind: one("workflow-deleted"), group: natural }),
  "revoke-ticket": fc.record({ kind: one("revoke-ticket"), id: name }),
  "drain-node": fc.record({ kind: one("drain-node"), node: name, drained: bool }),
  "remove-node": fc.record({ kind: one("remove-node"), node: name }),
  "remove-node-keeping": fc.record({ kind: one("remove-node-keeping"), node: name, keeps: name }),
  "node-removed": fc.record({ kind: one("node-removed"), node: name }),
  "create-token": fc.record({ kind: one("create-token"), hash, ...tokenFields }),
  "revoke-token": fc.record({ kind: one("revoke-token"), hash }),
  "revoke-token-keeping": fc.record({ kind: one("revoke-token-keeping"), hash, keeps: hash }),
  "seal-key": fc.record({ kind: one("seal-key"), group: positive, id: keyId, wraps: keyWraps }),
  "seal-wrap": fc.record({ kind: one("seal-wrap"), group: positive, id: keyId, wraps: keyWraps }),
  "put-secret": fc.record({
    ...{ kind: one("put-secret"), group: positive, name, sealed: bytes },
    bytes: fc.nat({ max: SECRET_BYTES_MAX }),
  }),
  "delete-secret": fc.record({ kind: one("delete-secret"), group: positive, name }),
  raise: fc.record({ kind: one("raise"), version: positive }),
};

/** Rows of the system group. */
export const systemRowKinds: Kinds<SystemRow> = {
  cluster: fc.record({ kind: one("cluster"), id: name, nextGroup: natural, version: natural }),
  member: fc.record({
    kind: one("member"),
    ...memberFields,
    state: fc.constantFrom("joined", "removed", "drained", "removing"),
  }),
  ticket: fc.record({
    kind: one("ticket"),
    verifier: bytes,
    expiresMs: natural,
    usesLeft: natural,
    madeBy: name,
    revoked: bool,
  }),
  token: fc.record({ kind: one("token"), ...tokenFields, createdMs: natural }),
  workflow: fc.record({
    kind: one("workflow"),
    group: natural,
    name,
    description: words,
    weight,
    revision: natural,
    state: fc.constantFrom("creating", "active", "deleting", "deleted"),
    replicas: firstReplicas,
  }),
  name: fc.record({ kind: one("name"), group: natural }),
  support: fc.record({
    kind: one("support"),
    ranges: list(fc.record({ min: positive, max: positive, members: positive })),
  }),
  "seal-key": fc.record({ kind: one("seal-key"), id: keyId, wraps: keyWraps }),
  secrets: fc.record({
    kind: one("secrets"),
    secrets: list(
      fc.record({
        ...{ name, setMs: natural, sealed: bytes },
        bytes: fc.nat({ max: SECRET_BYTES_MAX }),
      }),
    ),
  }),
  ...memory,
};
