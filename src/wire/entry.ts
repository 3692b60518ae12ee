import type { ConfigChange, ConfigStep, Configuration, Entry } from "../raft/types.ts";
import { bool, bytes, type Codec, enumeration, natural, positive } from "./codec.ts";
import { array, struct, union } from "./codec-shapes.ts";

/**
 * Payload of one entry. Groups write at most 1 MiB (R12); what is above is room for a later format,
 * and still fits a frame twice.
 */
export const ENTRY_DATA_BYTES_MAX = 4 * 1024 * 1024;

/** Members of one group: every node of a cluster is at least a learner of the system group. */
export const REPLICAS_MAX = 4096;

/** Steps of one membership change: at most everybody goes and everybody comes. */
export const CONFIG_STEPS_MAX = 2 * REPLICAS_MAX;

/** Context of a membership change: rows about the replicas that it adds or removes. */
export const CONFIG_CONTEXT_BYTES_MAX = 1024 * 1024;

const configStep = struct<ConfigStep>({
  type: enumeration<ConfigStep["type"]>({ "add-voter": 1, "add-learner": 2, remove: 3, update: 4 }),
  // Replica 0 voids a step.
  replica: natural,
});

/** A membership change. */
export const configChangeCodec: Codec<ConfigChange> = struct<ConfigChange>({
  transition: enumeration<ConfigChange["transition"]>({
    auto: 1,
    "joint-implicit": 2,
    "joint-explicit": 3,
  }),
  changes: array(configStep, CONFIG_STEPS_MAX),
  context: bytes(CONFIG_CONTEXT_BYTES_MAX),
});

/** An entry of a Raft log as it travels; `log-record.ts` has the denser form on disk. */
export const entryCodec: Codec<Entry> = union<Entry>({
  normal: [1, { index: positive, term: positive, data: bytes(ENTRY_DATA_BYTES_MAX) }],
  empty: [2, { index: positive, term: positive }],
  config: [3, { index: positive, term: positive, change: configChangeCodec }],
});

const replicas = array(positive, REPLICAS_MAX);

/** Who votes and who listens. */
export const configurationCodec: Codec<Configuration> = struct<Configuration>({
  voters: replicas,
  votersOutgoing: replicas,
  learners: replicas,
  learnersNext: replicas,
  autoLeave: bool,
});
