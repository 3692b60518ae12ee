/** Messages and rows in frames of MessagePack: the decoders of `src/wire` behind a `Format`. */
import fc from "fast-check";
import type { Call, CallAnswer, PeerMessage } from "../../../src/actors/ports.ts";
import type { Message } from "../../../src/raft/messages.ts";
import type { Command, CommandId, Payload } from "../../../src/scheduler/commands.ts";
import type { ExecutorMessage, SchedulerMessage } from "../../../src/scheduler/protocol.ts";
import type { Row } from "../../../src/scheduler/rows.ts";
import type { SystemCommand, SystemPayload } from "../../../src/scheduler/system/commands.ts";
import type { SystemRow } from "../../../src/scheduler/system/rows.ts";
import { bool, int, literal, natural, pattern, text } from "../../../src/wire/codec.ts";
import { nullable, record, struct, tuple } from "../../../src/wire/codec-shapes.ts";
import { payloadFormat } from "../../../src/wire/command.ts";
import { WireError } from "../../../src/wire/errors.ts";
import { defineFormat, type Format } from "../../../src/wire/frame.ts";
import { hintFormat } from "../../../src/wire/hint.ts";
import { joinAnswerFormat, joinRequestFormat, ticketFormat } from "../../../src/wire/join.ts";
import { membershipFormat, placesFormat } from "../../../src/wire/membership.ts";
import { encodePeerFrames } from "../../../src/wire/peer-frames.ts";
import { peerMessageFormat } from "../../../src/wire/peer-message.ts";
import { rowFormat } from "../../../src/wire/row.ts";
import { snapshotInfoFormat, snapshotRequestFormat } from "../../../src/wire/snapshot.ts";
import { systemPayloadFormat, systemRowFormat } from "../../../src/wire/system.ts";
import { namedCommandKinds, namedRowKinds } from "../../lib/wire-named-values.ts";
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
} from "../../lib/wire-peer-values.ts";
import { systemCommandKinds, systemRowKinds } from "../../lib/wire-system-values.ts";
import { treeCommandKinds, treeRowKinds } from "../../lib/wire-tree-values.ts";
import {
  type Any,
  base,
  commandKinds,
  idKinds,
  type Kinds,
  ofKinds,
  outcomeKinds,
  raftKinds,
  rowKinds,
} from "../../lib/wire-values.ts";
import { makeFrame, reachOf, type Valid, validOf } from "../mutate-frames.ts";
import type { Reach, Target } from "../target.ts";

/** Valid values of each kind that mutation begins with. */
const SAMPLES_PER_KIND = 12;

/** Frames of messages are cut at these sizes to see that cutting never fails; far below the real one. */
const CUT_BYTES = [60, 130, 400];

/** Fixed, so that a run's inputs depend on its own seed only. */
function samplesOf<T>(values: Any<T>, count = SAMPLES_PER_KIND): readonly T[] {
  return fc.sample(values, { numRuns: count, seed: 7 });
}

function allKinds<V extends { readonly kind: string }>(kinds: Kinds<V>): Any<V> {
  return ofKinds<V>(kinds);
}

function takeFrame<T>(format: Format<T>, frame: Uint8Array, also?: (value: T) => void): Reach {
  let value: T;
  try {
    value = format.decode(frame);
  } catch (error) {
    return reachOf(error, frame);
  }
  // What can be read can be written, and means the same then.
  const again = Uint8Array.from(format.encode(value));
  const twice = format.encode(format.decode(again));
  if (Buffer.compare(again, twice) !== 0)
    throw new Error("it is written differently when read again");
  also?.(value);
  return "accepted";
}

/** A target for one format. `samples` are valid values of every kind. */
function formatTarget<T>(
  name: string,
  options: {
    readonly format: Format<T>;
    readonly samples: () => readonly T[];
    readonly reads: readonly string[];
    readonly also?: (value: T) => void;
  },
): Target {
  const { format, samples, reads, also } = options;
  let valid: readonly Valid[] | undefined;
  return {
    name,
    reads: [
      "wire/frame.ts",
      "wire/plain-reader.ts",
      "wire/codec.ts",
      "wire/codec-shapes.ts",
      ...reads,
    ],
    make(chance) {
      valid ??= samples().map((value) => validOf(Uint8Array.from(format.encode(value))));
      return makeFrame(valid, chance);
    },
    take: (frame) => takeFrame(format, frame, also),
  };
}

function kindsSamples<V extends { readonly kind: string }>(kinds: Kinds<V>): readonly V[] {
  return samplesOf(allKinds(kinds), SAMPLES_PER_KIND * Object.keys(kinds).length);
}

function peerSamples(): readonly PeerMessage[] {
  return [
    ...kindsSamples<PeerMessage>(peerKinds),
    ...kindsSamples<Message>(raftKinds).map(
      (message): PeerMessage => ({ kind: "raft", items: [{ group: 3, message }] }),
    ),
    ...kindsSamples<ExecutorMessage>(executorKinds).map(
      (message): PeerMessage => ({ kind: "executor", message }),
    ),
    ...kindsSamples<SchedulerMessage>(schedulerKinds).map(
      (message): PeerMessage => ({ kind: "scheduler", message }),
    ),
    ...kindsSamples<Call>(callKinds).map((call): PeerMessage => ({ kind: "call", id: 9, call })),
    ...kindsSamples<CallAnswer>(callAnswerKinds).map(
      (answer): PeerMessage => ({ kind: "answer", id: 9, answer }),
    ),
  ];
}

/** Smaller frames say the same together, or there is a coded error. */
function cutAgain(message: PeerMessage): void {
  for (const bytesMax of CUT_BYTES) {
    try {
      for (const frame of encodePeerFrames(message, bytesMax)) peerMessageFormat.decode(frame);
    } catch (error) {
      if (!(error instanceof WireError) || error.code !== "WIRE_TOO_LARGE") throw error;
    }
  }
}

const none: CommandId = { kind: "none" };

function payloadSamples(): readonly Payload[] {
  const commands = [
    ...kindsSamples<Command>({ ...commandKinds, ...namedCommandKinds, ...treeCommandKinds }),
    ...kindsSamples(outcomeKinds).map(
      (outcome): Command => ({
        kind: "ends",
        ends: [{ token: { index: 1, ordinal: 2 }, outcome, run: { tookMs: 3, agoMs: 4 } }],
      }),
    ),
  ];
  return [
    ...samplesOf(fc.record({ stampMs: fc.nat(), envelopes: fc.array(envelope) })),
    ...commands.map((command) => ({ stampMs: 5, envelopes: [{ id: none, command }] })),
    ...kindsSamples<CommandId>(idKinds).map((id) => ({
      stampMs: 5,
      envelopes: [{ id, command: { kind: "cancel", request: 1 } as const }],
    })),
  ];
}

function systemPayloadSamples(): readonly SystemPayload[] {
  return [
    ...samplesOf(fc.record({ stampMs: fc.nat(), envelopes: fc.array(systemEnvelope) })),
    ...kindsSamples<SystemCommand>(systemCommandKinds).map((command) => ({
      stampMs: 5,
      envelopes: [{ id: none, command }],
    })),
  ];
}

/** The shapes that no message above uses at present. */
interface Kit {
  readonly fixed: "fixed";
  readonly hex: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly pair: readonly [number, boolean];
  readonly maybe: string | null;
}

const kitFormat: Format<Kit> = defineFormat({
  codec: struct<Kit>({
    fixed: literal("fixed"),
    hex: pattern(/^[0-9a-f]+$/u, 8),
    counts: record(text(8), int(-5, 5), 4),
    pair: tuple<readonly [number, boolean]>(natural, bool),
    maybe: nullable(text(8)),
  }),
  version: 1,
  bytesMax: 1_000,
});

const KITS: readonly Kit[] = [
  {
    fixed: "fixed",
    hex: "0a",
    counts: { a: 1, b: -5, __proto_: 0 },
    pair: [1, true],
    maybe: "m",
  },
  { fixed: "fixed", hex: "ff", counts: {}, pair: [0, false], maybe: null },
];

const { natural: count, positive, name: id, bytes, list } = base;
const addresses = list(fc.constantFrom("/ip4/192.0.2.1/tcp/7071", "/dns4/a.example/tcp/1"));

const members = (): readonly SystemCommand[] =>
  kindsSamples<SystemCommand>(systemCommandKinds).filter(({ kind }) => kind === "join");

/** Every format, with the files that only it has. */
export const formatTargets: readonly Target[] = [
  formatTarget("peer", {
    format: peerMessageFormat,
    samples: peerSamples,
    reads: ["wire/peer-message.ts", "wire/peer-frames.ts", "wire/raft-message.ts", "wire/entry.ts"],
    also: cutAgain,
  }),
  formatTarget("payload", {
    format: payloadFormat,
    samples: payloadSamples,
    reads: [
      ...["command", "work-codec", "definition-codec", "named", "tree"].map(
        (name) => `wire/${name}.ts`,
      ),
    ],
  }),
  formatTarget("row", {
    format: rowFormat,
    samples: () => kindsSamples<Row>({ ...rowKinds, ...namedRowKinds, ...treeRowKinds }),
    reads: ["wire/row.ts", "wire/dataset-codec.ts"],
  }),
  formatTarget("system-payload", {
    format: systemPayloadFormat,
    samples: systemPayloadSamples,
    reads: ["wire/system.ts"],
  }),
  formatTarget("system-row", {
    format: systemRowFormat,
    samples: () => kindsSamples<SystemRow>(systemRowKinds),
    reads: ["wire/system.ts"],
  }),
  formatTarget("places", {
    format: placesFormat,
    samples: () => samplesOf(places),
    reads: ["wire/membership.ts"],
  }),
  formatTarget("membership", {
    format: membershipFormat,
    samples: () => samplesOf(membership),
    reads: ["wire/membership.ts"],
  }),
  formatTarget("snapshot-info", {
    format: snapshotInfoFormat,
    samples: () => samplesOf(snapshotInfo),
    reads: [],
  }),
  formatTarget("snapshot-request", {
    format: snapshotRequestFormat,
    samples: () => samplesOf(snapshotRequest),
    reads: [],
  }),
  formatTarget("gossip-hint", {
    format: hintFormat,
    samples: () =>
      samplesOf(
        fc.record({
          slots: count,
          busy: count,
          leads: list(fc.record({ group: count, term: positive })),
        }),
      ),
    reads: ["wire/hint.ts"],
  }),
  formatTarget("join-request", {
    format: joinRequestFormat,
    samples: () =>
      members().flatMap((one) => (one.kind === "join" ? [{ member: one.member }] : [])),
    reads: ["wire/join.ts"],
  }),
  formatTarget("join-answer", {
    format: joinAnswerFormat,
    samples: () =>
      samplesOf(fc.record({ clusterId: id, members: list(fc.record({ node: id, addresses })) })),
    reads: ["wire/join.ts"],
  }),
  formatTarget("codec-kit", { format: kitFormat, samples: () => KITS, reads: [] }),
  formatTarget("ticket-frame", {
    format: ticketFormat,
    samples: () => samplesOf(fc.record({ id, clusterId: id, secret: bytes, addresses })),
    reads: ["wire/join.ts"],
  }),
];
