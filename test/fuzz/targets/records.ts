/** Records on disk: mutants are sealed again, so that their checksum holds and their fields are read. */
import fc from "fast-check";
import { CRC32C_EMPTY, crc32c, crc32cLatin1 } from "../../../src/std/crc32c.ts";
import { damagedError, StoreError } from "../../../src/store/errors.ts";
import { decodeBase, decodeSum, encodeBase, encodeSum } from "../../../src/store/sequence.ts";
import {
  decodeConfiguration,
  decodeEntries,
  decodeHead,
  encodeConfiguration,
  encodeEntries,
  encodeHead,
} from "../../../src/wire/log-record.ts";
import {
  type Decoded,
  openRecord,
  RECORD_HEADER_BYTES,
  sealRecord,
} from "../../../src/wire/record-bytes.ts";
import {
  decodeApplied,
  decodeCheckpoint,
  decodeInstall,
  encodeApplied,
  encodeCheckpoint,
  encodeInstall,
} from "../../../src/wire/state-record.ts";
import { type Any, base, raftKinds } from "../../lib/wire-values.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes, randomBytes } from "../mutate-bytes.ts";
import type { Reach, Target } from "../target.ts";

const KEY = "e/3/0000000000000a/00000000000002";
const SAMPLES = 60;

interface RecordOptions<T> {
  readonly samples: Any<T>;
  readonly encode: (key: string, value: T) => Uint8Array;
  readonly decode: (key: string, bytes: Uint8Array) => Decoded<T>;
  readonly reads: readonly string[];
}

function recordTarget<T>(name: string, options: RecordOptions<T>): Target {
  const { samples, encode, decode, reads } = options;
  let valid: readonly Uint8Array[] | undefined;
  return {
    name,
    reads: ["wire/record-bytes.ts", ...reads],
    make(chance) {
      valid ??= fc.sample(samples, { numRuns: SAMPLES, seed: 7 }).map((one) => encode(KEY, one));
      return makeRecord(valid, chance);
    },
    take(bytes) {
      const decoded = decode(KEY, bytes);
      if (decoded.kind === "version-unknown") return "version";
      if (decoded.kind === "damaged") return reachOfDamage(bytes);
      const again = encode(KEY, decoded.value);
      const twice = decode(KEY, again);
      if (twice.kind !== "ok" || Buffer.compare(encode(KEY, twice.value), again) !== 0)
        throw new Error("it is written differently when read again");
      return "accepted";
    },
  };
}

/** Whether the fields were looked at. */
function reachOfDamage(bytes: Uint8Array): Reach {
  return openRecord(KEY, { value: bytes, versionMax: 255 }).kind === "ok" ? "refused" : "cut";
}

function makeRecord(valid: readonly Uint8Array[], chance: Chance): Uint8Array {
  const record = chance.pick(valid);
  const way = chance.next();
  if (way < 0.1) return mutateBytes(record, chance, valid);
  if (way < 0.12) return chance.hits(0.1) ? new Uint8Array() : randomBytes(chance);
  const content = record.subarray(RECORD_HEADER_BYTES);
  const others = [chance.pick(valid).subarray(RECORD_HEADER_BYTES)];
  const mutant = way < 0.2 ? randomBytes(chance) : mutateBytes(content, chance, others);
  const version = chance.hits(0.05) ? chance.whole(1, 255) : 1;
  const sealed = sealRecord(KEY, { version, content: mutant });
  return chance.hits(0.01) ? versionZero(sealed) : sealed;
}

/** Sealed with a version that no writer takes. */
function versionZero(sealed: Uint8Array): Uint8Array {
  sealed[4] = 0;
  const sum = crc32c(crc32cLatin1(CRC32C_EMPTY, KEY), sealed, 4);
  for (let byte = 0; byte < 4; byte++) sealed[byte] = sum >>> (byte * 8);
  return sealed;
}

const { natural, positive, bytes, list, configuration, name } = base;
const point = fc.record({ index: natural, term: natural });
const hash = fc.record({ high: fc.nat(), low: fc.nat() });

/** Entries as a log has them: one after the other, terms that do not fall. */
const entries = fc
  .tuple(natural, positive, fc.array(raftKinds.append, { minLength: 1, maxLength: 3 }))
  .map(([firstIndex, firstTerm, appends]) => {
    const some = appends.flatMap((append) => append.entries);
    let term = firstTerm;
    const first = { kind: "empty", index: firstIndex % 1e9, term } as const;
    const more = some.map((entry, at) => {
      term += entry.term % 3;
      return { ...entry, index: first.index + 1 + at, term };
    });
    return { previousWrite: firstIndex, previousTerm: firstTerm, entries: [first, ...more] };
  });

const head = fc.record({
  life: fc.constantFrom("live" as const, "destroyed" as const),
  replica: natural,
  hardState: fc.record({
    term: natural,
    vote: fc.option(positive, { nil: undefined }),
    commit: natural,
  }),
  start: point,
  last: point,
  lastWrite: natural,
  oldest: fc.record({ firstIndex: natural, write: natural }),
});

/** A decoder that throws its refusals, as one that returns them. */
function caught<T>(decode: (key: string, bytes: Uint8Array) => T) {
  return (key: string, bytes: Uint8Array): Decoded<T> => {
    try {
      return { kind: "ok", value: decode(key, bytes) };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.details.code === "STORE_VERSION_UNKNOWN")
        return { kind: "version-unknown", version: 0 };
      if (error.code !== damagedError("", "").code) throw error;
      return { kind: "damaged", reason: error.message };
    }
  };
}

export const recordTargets: readonly Target[] = [
  recordTarget("log-entries", {
    samples: entries,
    encode: encodeEntries,
    decode: decodeEntries,
    reads: ["wire/log-record.ts"],
  }),
  recordTarget("log-head", {
    samples: head,
    encode: encodeHead,
    decode: decodeHead,
    reads: ["wire/log-record.ts"],
  }),
  recordTarget("log-configuration", {
    samples: fc.record({ index: natural, configuration, note: bytes }),
    encode: encodeConfiguration,
    decode: decodeConfiguration,
    reads: ["wire/log-record.ts"],
  }),
  recordTarget("state-applied", {
    samples: fc.record({
      ...{ generation: natural, index: natural, term: natural, begin: natural },
      ...{ hash, note: bytes },
    }),
    encode: encodeApplied,
    decode: decodeApplied,
    reads: ["wire/state-record.ts"],
  }),
  recordTarget("state-checkpoint", {
    samples: list(fc.tuple(name, natural)).map((pairs) => new Map(pairs)),
    encode: encodeCheckpoint,
    decode: decodeCheckpoint,
    reads: ["wire/state-record.ts"],
  }),
  recordTarget("state-install", {
    samples: fc.record({
      ...{ snapshot: name, generation: natural, index: natural, after: name, hash },
    }),
    encode: encodeInstall,
    decode: decodeInstall,
    reads: ["wire/state-record.ts"],
  }),
  recordTarget("store-base", {
    samples: fc.record({ storeId: name, sequenceBase: natural }),
    encode: encodeBase,
    decode: caught((key, bytes) => decodeBase(key, bytes.length === 0 ? undefined : bytes)),
    reads: ["store/sequence.ts"],
  }),
  recordTarget("store-sum", {
    samples: hash,
    encode: encodeSum,
    decode: caught(decodeSum),
    reads: ["store/sequence.ts"],
  }),
];
