/** Where the replicas of a group live. Formats `places` and `membership`, version 1. */
import type { Membership, ReplicaPlace } from "../actors/ports.ts";
import { ID_LENGTH_MAX } from "./bounds.ts";
import { type Codec, positive, text } from "./codec.ts";
import { array, struct } from "./codec-shapes.ts";
import { nodeIdCodec } from "./dataset-codec.ts";
import { CONFIG_CONTEXT_BYTES_MAX, configurationCodec, REPLICAS_MAX } from "./entry.ts";
import { defineFormat, type Format } from "./frame.ts";

const places: Codec<readonly ReplicaPlace[]> = array(
  struct<ReplicaPlace>({ replica: positive, node: nodeIdCodec, storeId: text(ID_LENGTH_MAX) }),
  REPLICAS_MAX,
);

/** The members of a group. */
export const membershipCodec: Codec<Membership> = struct<Membership>({
  configuration: configurationCodec,
  places,
  nextReplica: positive,
});

/** The context of a membership change: the places that it adds. */
export const placesFormat: Format<readonly ReplicaPlace[]> = defineFormat({
  codec: places,
  version: 1,
  bytesMax: CONFIG_CONTEXT_BYTES_MAX,
  kept: true,
});

/** The members of a group as a store keeps them. */
export const membershipFormat: Format<Membership> = defineFormat({
  codec: membershipCodec,
  version: 1,
  bytesMax: 2 * CONFIG_CONTEXT_BYTES_MAX,
  kept: true,
});
