/** Rows and commands of named units. */
import {
  NAMED_GRANT_MAX,
  NAMED_UNITS_MAX,
  type NamedCommand,
  type NamedEnd,
  type NamedHeld,
  type NamedInput,
  type NamedRenewal,
} from "../scheduler/named/commands.ts";
import { priorityOf, priorityText } from "../scheduler/named/keys.ts";
import {
  NAMED_DATA_BYTES_MAX,
  NAMED_KEY_BYTES_MAX,
  type NamedHolder,
  type NamedRef,
  type NamedRow,
  type NamedStand,
} from "../scheduler/named/rows.ts";
import { ID_LENGTH_MAX, ROW_KEY_LENGTH_MAX } from "./bounds.ts";
import { bytes, type Codec, enumeration, natural, pattern, text } from "./codec.ts";
import { array, optional, struct, union, type Variants } from "./codec-shapes.ts";
import { nodeIdCodec } from "./dataset-codec.ts";
import { malformed } from "./errors.ts";
import { tokenCodec } from "./work-codec.ts";

/** Without a slash, which would end it in keys of rows. */
const spec = pattern(/^[A-Za-z_][A-Za-z0-9_.]*$/u, 128);

const keyBytes = bytes(NAMED_KEY_BYTES_MAX);

/** At least one byte. */
const key: Codec<Uint8Array> = {
  encode: keyBytes.encode,
  decode(raw) {
    const value = keyBytes.decode(raw);
    if (value.length === 0) throw malformed("a unit without a key");
    return value;
  },
};

const sortable = pattern(/^[0-9a-f]{16}$/u, 16);

/** As the text that keys of rows have of it, so that every priority has one form. */
const priority: Codec<number> = {
  encode: (value) => sortable.encode(priorityText(value)),
  decode(raw) {
    const value = sortable.decode(raw);
    const found = priorityOf(value);
    if (!Number.isFinite(found) || Object.is(found, -0)) throw malformed("not a priority");
    return found;
  },
};

const data = bytes(NAMED_DATA_BYTES_MAX);

const holder: Codec<NamedHolder> = union<NamedHolder>({
  node: [1, { node: nodeIdCodec, executor: text(ID_LENGTH_MAX) }],
  worker: [2, { worker: text(ID_LENGTH_MAX), deadlineMs: natural }],
});

const stand: Codec<NamedStand> = union<NamedStand>({
  waiting: [1, { notBeforeMs: natural }],
  ready: [2, {}],
  held: [3, { token: tokenCodec, holder }],
  finished: [4, { endedMs: natural }],
  failed: [5, { endedMs: natural }],
});

/** Rows of named units; they are part of the format `row`. */
export const namedRowVariants: Variants<NamedRow> = {
  "named-unit": [24, { priority, stand, data, grants: natural }],
  "named-index": [25, {}],
  "named-counts": [
    26,
    { waiting: natural, ready: natural, held: natural, finished: natural, failed: natural },
  ],
};

const ref = struct<NamedRef>({ spec, key });
const held = struct<NamedHeld>({ spec, key, token: tokenCodec });

const input = struct<NamedInput>({ key, priority, notBeforeMs: natural, data });

const end = struct<NamedEnd>({
  spec,
  key,
  token: tokenCodec,
  how: enumeration<NamedEnd["how"]>({ finished: 1, failed: 2, released: 3 }),
  data: optional(data),
});

const renewal = struct<NamedRenewal>({
  spec,
  key,
  token: tokenCodec,
  deadlineMs: natural,
  data: optional(data),
});

/** Commands of named units; they are part of the format `payload`. */
export const namedCommandVariants: Variants<NamedCommand> = {
  "named-add": [30, { spec, units: array(input, NAMED_UNITS_MAX) }],
  "named-grant": [31, { units: array(ref, NAMED_GRANT_MAX), holder }],
  "named-end": [32, { ends: array(end, NAMED_UNITS_MAX) }],
  "named-renew": [33, { renewals: array(renewal, NAMED_UNITS_MAX) }],
  "named-due": [34, { keys: array(text(ROW_KEY_LENGTH_MAX), NAMED_UNITS_MAX) }],
  "named-take-back": [35, { held: array(held, NAMED_UNITS_MAX) }],
  "named-remove": [36, { units: array(ref, NAMED_UNITS_MAX) }],
};
