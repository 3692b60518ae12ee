import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { namedCommandKinds, namedRowKinds } from "../../test/lib/wire-named-values.ts";
import {
  callAnswerKinds,
  callKinds,
  envelope,
  executorKinds,
  membership,
  peerKinds,
  places,
  schedulerKinds,
  snapshotInfo,
  snapshotRequest,
  systemEnvelope,
} from "../../test/lib/wire-peer-values.ts";
import { systemCommandKinds, systemRowKinds } from "../../test/lib/wire-system-values.ts";
import { treeCommandKinds, treeRowKinds } from "../../test/lib/wire-tree-values.ts";
import {
  commandKinds,
  idKinds,
  type Kinds,
  outcomeKinds,
  raftKinds,
  rowKinds,
} from "../../test/lib/wire-values.ts";
import type { Call, CallAnswer, PeerMessage } from "../actors/ports.ts";
import type { Message } from "../raft/messages.ts";
import type { Command, CommandId, Payload } from "../scheduler/commands.ts";
import type { ExecutorMessage, SchedulerMessage } from "../scheduler/protocol.ts";
import type { Row } from "../scheduler/rows.ts";
import type { SystemCommand, SystemPayload } from "../scheduler/system/commands.ts";
import type { SystemRow } from "../scheduler/system/rows.ts";
import type { Outcome } from "../scheduler/work.ts";
import { payloadFormat } from "./command.ts";
import { WireError } from "./errors.ts";
import { type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { membershipFormat, placesFormat } from "./membership.ts";
import { peerMessageFormat } from "./peer-message.ts";
import { rowFormat } from "./row.ts";
import { snapshotInfoFormat, snapshotRequestFormat } from "./snapshot.ts";
import { systemPayloadFormat, systemRowFormat } from "./system.ts";

const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");

/** A value as text in which fields, their order and missing values can be seen. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => {
    if (field instanceof Uint8Array) return `bytes ${hex(field)}`;
    return field === undefined ? "none" : field;
  });
}

/** One kind of message or record, whatever its type. */
interface Case {
  readonly name: string;
  readonly sample: () => Uint8Array;
  /** The value in a frame as text, and the frame that it makes again. */
  readonly reread: (frame: Uint8Array) => { readonly text: string; readonly again: string };
  readonly roundTrip: (runs: number) => void;
  /** Damages frames with `damage` and checks that what is read is a value or a coded error. */
  readonly survive: (damage: (frame: Uint8Array) => fc.Arbitrary<Uint8Array>, runs: number) => void;
}

function caseOf<T>(name: string, format: Format<T>, values: fc.Arbitrary<T>): Case {
  const reread = (frame: Uint8Array): { readonly text: string; readonly again: string } => {
    const value = format.decode(frame);
    return { text: shown(value), again: hex(format.encode(value)) };
  };
  return {
    name,
    reread,
    sample() {
      // The fullest of some, so that lists have items and options have values.
      const frames = fc.sample(values, { numRuns: 40, seed: 7 }).map(format.encode);
      const short = frames.filter((frame) => frame.length <= 500);
      short.sort((left, right) => right.length - left.length);
      const [frame] = short;
      if (frame === undefined) throw new Error("fast-check gave no short sample");
      return frame;
    },
    roundTrip(runs) {
      fc.assert(
        fc.property(values, (value) => {
          expect(format.decode(format.encode(value))).toEqual(value);
        }),
        { numRuns: runs },
      );
    },
    survive(damage, runs) {
      const damaged = values.chain((value) => damage(format.encode(value)));
      fc.assert(
        fc.property(damaged, (frame) => {
          try {
            const { text, again } = reread(frame);
            // What can be read can be written, and means the same then.
            expect(reread(Buffer.from(again, "hex")).text).toBe(text);
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        }),
        { numRuns: runs },
      );
    },
  };
}

/** A case for each kind of a union, inside the message or record that carries it. */
function casesOf<V extends { readonly kind: string }, T>(
  prefix: string,
  options: {
    readonly kinds: Kinds<V>;
    readonly format: Format<T>;
    readonly wrap: (value: V) => T;
  },
): readonly Case[] {
  return byKind(options.kinds).map(([kind, values]) =>
    caseOf(`${prefix}/${kind}`, options.format, values.map(options.wrap)),
  );
}

function byKind<V extends { readonly kind: string }>(
  kinds: Kinds<V>,
): readonly (readonly [string, fc.Arbitrary<V>])[];
function byKind(
  kinds: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): readonly (readonly [string, fc.Arbitrary<unknown>])[] {
  return Object.entries(kinds);
}

const run = { tookMs: 300, agoMs: 4 };
const none: CommandId = { kind: "none" };
const peer = peerMessageFormat;
const cases: readonly Case[] = [
  ...casesOf<Message, PeerMessage>("peer/raft", {
    kinds: raftKinds,
    format: peer,
    wrap: (message) => ({ kind: "raft", items: [{ group: 3, message }] }),
  }),
  ...casesOf<ExecutorMessage, PeerMessage>("peer/executor", {
    kinds: executorKinds,
    format: peer,
    wrap: (message) => ({ kind: "executor", message }),
  }),
  ...casesOf<SchedulerMessage, PeerMessage>("peer/scheduler", {
    kinds: schedulerKinds,
    format: peer,
    wrap: (message) => ({ kind: "scheduler", message }),
  }),
  ...casesOf<Call, PeerMessage>("peer/call", {
    kinds: callKinds,
    format: peer,
    wrap: (call) => ({ kind: "call", id: 9, call }),
  }),
  ...casesOf<CallAnswer, PeerMessage>("peer/answer", {
    kinds: callAnswerKinds,
    format: peer,
    wrap: (answer) => ({ kind: "answer", id: 9, answer }),
  }),
  ...casesOf<PeerMessage, PeerMessage>("peer", {
    kinds: peerKinds,
    format: peer,
    wrap: (value) => value,
  }),
  ...casesOf<Command, Payload>("payload", {
    kinds: { ...commandKinds, ...namedCommandKinds, ...treeCommandKinds },
    format: payloadFormat,
    wrap: (command) => ({ stampMs: 1_700_000_000_000, envelopes: [{ id: none, command }] }),
  }),
  ...casesOf<Outcome, Payload>("payload/ends", {
    kinds: outcomeKinds,
    format: payloadFormat,
    wrap: (outcome) => ({
      stampMs: 5,
      envelopes: [
        {
          id: none,
          command: { kind: "ends", ends: [{ token: { index: 1, ordinal: 2 }, outcome, run }] },
        },
      ],
    }),
  }),
  ...casesOf<CommandId, Payload>("payload/id", {
    kinds: idKinds,
    format: payloadFormat,
    wrap: (id) => ({ stampMs: 5, envelopes: [{ id, command: { kind: "cancel", request: 1 } }] }),
  }),
  caseOf("payload", payloadFormat, fc.record({ stampMs: fc.nat(), envelopes: fc.array(envelope) })),
  ...casesOf<Row, Row>("row", {
    kinds: { ...rowKinds, ...namedRowKinds, ...treeRowKinds },
    format: rowFormat,
    wrap: (row) => row,
  }),
  ...casesOf<SystemCommand, SystemPayload>("system-payload", {
    kinds: systemCommandKinds,
    format: systemPayloadFormat,
    wrap: (command) => ({ stampMs: 5, envelopes: [{ id: none, command }] }),
  }),
  caseOf(
    "system-payload",
    systemPayloadFormat,
    fc.record({ stampMs: fc.nat(), envelopes: fc.array(systemEnvelope) }),
  ),
  ...casesOf<SystemRow, SystemRow>("system-row", {
    kinds: systemRowKinds,
    format: systemRowFormat,
    wrap: (row) => row,
  }),
  caseOf("places", placesFormat, places),
  caseOf("membership", membershipFormat, membership),
  caseOf("snapshot", snapshotInfoFormat, snapshotInfo),
  caseOf("snapshot-request", snapshotRequestFormat, snapshotRequest),
];

/** More for a search by hand: RUNS=2000. */
const RUNS = Number(process.env["RUNS"] ?? 25);

test.for(cases)("$name survives encoding and decoding", ({ roundTrip }) => roundTrip(RUNS));

/** One bit turned, cut short, bytes overwritten by a huge length, or a part of it twice. */
function damage(frame: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.nat(frame.length - 1);
  const edited = (at: number, patch: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(frame);
    for (const [offset, byte] of patch.entries()) copy[at + offset] = byte;
    return copy;
  };
  return fc.oneof(
    fc.tuple(place, fc.nat(7)).map(([at, bit]) => edited(at, [(frame[at] ?? 0) ^ (1 << bit)])),
    fc.tuple(place, fc.nat(255)).map(([at, byte]) => edited(at, [byte])),
    place.map((at) => frame.slice(0, at)),
    fc
      .tuple(place, fc.constantFrom(0xdd, 0xc6, 0xdb, 0xdc, 0xc5, 0xda))
      .map(([at, token]) => edited(at, [token, 0xff, 0xff, 0xff, 0xff])),
    fc
      .tuple(place, place)
      .map(([from, to]) => Buffer.concat([frame.slice(0, to), frame.slice(from)])),
    fc.tuple(place, fc.uint8Array({ maxLength: 6 })).map(([at, patch]) => edited(at, [...patch])),
  );
}

test.for(cases)(
  "a damaged $name is a value or a coded error, and what is read can be written again",
  ({ survive }) => survive(damage, 2 * RUNS),
);

test.for(cases)("random bodies of $name are a value or a coded error", ({ survive }) => {
  survive(
    () => fc.uint8Array({ maxLength: 80 }).map((body) => Uint8Array.from([0x92, 1, ...body])),
    RUNS,
  );
});

/**
 * Recorded bytes of format version 1: name, frame in hex, meaning. Lines are added with UPDATE=1 for
 * kinds that have none; lines that are there are never rewritten. To change a format, give it a new
 * version and keep these readable.
 */
const GOLDEN = new URL("./formats.v1.data.txt", import.meta.url);

interface Golden {
  readonly frame: string;
  readonly meaning: string;
}

function readGolden(): Map<string, Golden> {
  const blocks = readFileSync(GOLDEN, "utf8")
    .split("\n\n")
    .filter((block) => block.trim() !== "");
  return new Map(
    blocks.map((block) => {
      const [name = "", frame = "", meaning = ""] = block.trim().split("\n");
      return [name, { frame, meaning }];
    }),
  );
}

test("bytes recorded with format version 1 still have the same meaning, and are still what is written", () => {
  const golden = readGolden();
  if (process.env["UPDATE"] === "1") {
    for (const { name, sample, reread } of cases) {
      if (golden.has(name)) continue;
      const frame = sample();
      golden.set(name, { frame: hex(frame), meaning: reread(frame).text });
    }
    const blocks = [...golden].map(
      ([name, { frame, meaning }]) => `${name}\n${frame}\n${meaning}\n`,
    );
    writeFileSync(GOLDEN, blocks.join("\n"));
  }
  expect([...golden.keys()].sort()).toEqual(cases.map(({ name }) => name).sort());
  for (const { name, reread } of cases) {
    const { frame = "", meaning = "" } = golden.get(name) ?? {};
    const { text, again } = reread(Buffer.from(frame, "hex"));
    expect(text, name).toBe(meaning);
    expect(again, name).toBe(frame);
  }
});

test("each format refuses another version as unknown, and a frame above its size", () => {
  const formats = [
    peerMessageFormat,
    payloadFormat,
    rowFormat,
    systemPayloadFormat,
    systemRowFormat,
    placesFormat,
    membershipFormat,
    snapshotInfoFormat,
    snapshotRequestFormat,
  ];
  for (const { decode, version, bytesMax } of formats) {
    expect(version).toBe(1);
    expect(bytesMax).toBeLessThanOrEqual(FRAME_BYTES_MAX);
    const codes = [Uint8Array.from([0x92, 2, 0x90]), new Uint8Array(bytesMax + 1)].map((frame) => {
      try {
        return decode(frame);
      } catch (error) {
        return error instanceof WireError ? error.details : error;
      }
    });
    expect(codes).toEqual([
      { code: "WIRE_VERSION_UNKNOWN", version: 2 },
      { code: "WIRE_MALFORMED", path: "", reason: `frame of more than ${bytesMax} bytes` },
    ]);
  }
});

test("docs/protocols.md names every kind", () => {
  const page = readFileSync(new URL("../../docs/protocols.md", import.meta.url), "utf8");
  const missing = cases
    .map(({ name }) => name.slice(name.lastIndexOf("/") + 1))
    .filter((kind) => !page.includes(`\`${kind}\``));
  expect(missing).toEqual([]);
});
