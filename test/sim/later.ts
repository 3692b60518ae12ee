/**
 * What the next program can say and this one cannot read: one command of the next cluster version, the
 * mark, and so one message, the call that carries a mark to its leader. Whoever applies a mark changes a
 * row of the workflow, so that one that was skipped, or applied in another way, shows in the hash of the
 * rows. All else is this program's.
 */
import { hash } from "node:crypto";
import type { Machine } from "../../src/actors/machine.ts";
import type { Call, PayloadPort, PeerMessage } from "../../src/actors/ports.ts";
import { VOCABULARY, type Vocabulary } from "../../src/node/vocabulary.ts";
import {
  type CommandId,
  type Envelope,
  PAYLOAD_COMMANDS_MAX,
} from "../../src/scheduler/commands.ts";
import type { Effect } from "../../src/scheduler/effects.ts";
import { keys } from "../../src/scheduler/keys.ts";
import type { Answer, Row } from "../../src/scheduler/rows.ts";
import { SUPPORTED_VERSIONS, type VersionRange } from "../../src/scheduler/system/version-range.ts";
import type { Transaction } from "../../src/scheduler/transaction.ts";
import { type Codec, natural, text } from "../../src/wire/codec.ts";
import { array, struct } from "../../src/wire/codec-shapes.ts";
import { commandIdCodec, envelopeCodec, payloadFormat } from "../../src/wire/command.ts";
import { defineFormat, type Format, FRAME_BYTES_MAX } from "../../src/wire/frame.ts";
import { peerMessageFormat } from "../../src/wire/peer-message.ts";

/** The cluster version that the next program brings. */
export const LATER_VERSION = SUPPORTED_VERSIONS.max + 1;

/** The row that marks change; its handler is nobody's. It begins with how many were applied. */
export const MARKS_KEY = keys.source("marks");

const NAME_LENGTH_MAX = 100;

/** Tells a mark's envelope from others: theirs begin with who asked. */
const MARK = "mark";

/** MessagePack's array of two, with which every frame begins. */
const FRAME_BYTE = 0x92;

interface MarkEnvelope {
  readonly id: CommandId;
  readonly command: { readonly kind: "mark"; readonly name: string };
}

type LaterEnvelope = Envelope | MarkEnvelope;

interface LaterPayload {
  readonly stampMs: number;
  readonly envelopes: readonly LaterEnvelope[];
}

/** A call that carries a mark. */
interface MarkCall {
  readonly kind: "command";
  readonly group: number;
  readonly envelope: LaterEnvelope;
}

function isMark(envelope: LaterEnvelope): envelope is MarkEnvelope {
  return envelope.command.kind === "mark";
}

const mark = struct<{ readonly id: CommandId; readonly name: string }>({
  id: commandIdCodec,
  name: text(NAME_LENGTH_MAX),
});

const laterEnvelope: Codec<LaterEnvelope> = {
  encode: (envelope) =>
    isMark(envelope)
      ? [MARK, mark.encode({ id: envelope.id, name: envelope.command.name })]
      : envelopeCodec.encode(envelope),
  decode(raw) {
    if (!Array.isArray(raw) || raw[0] !== MARK) return envelopeCodec.decode(raw);
    const { id, name } = mark.decode(raw[1]);
    return { id, command: { kind: "mark", name } };
  },
};

const laterPayload: Format<LaterPayload> = defineFormat({
  codec: struct<LaterPayload>({
    stampMs: natural,
    envelopes: array(laterEnvelope, PAYLOAD_COMMANDS_MAX),
  }),
  version: payloadFormat.version + 1,
  bytesMax: payloadFormat.bytesMax,
  kept: true,
});

/** What this program can read is written as it does. */
const payloads: PayloadPort<LaterPayload> = {
  encode({ stampMs, envelopes }) {
    const earlier = envelopes.flatMap((envelope) => (isMark(envelope) ? [] : [envelope]));
    return earlier.length === envelopes.length
      ? payloadFormat.encode({ stampMs, envelopes: earlier })
      : laterPayload.encode({ stampMs, envelopes });
  },
  decode: (bytes) =>
    isLaterPayload(bytes) ? laterPayload.decode(bytes) : payloadFormat.decode(bytes),
};

/** Whether an entry of a workflow's log is one that this program cannot read. */
export function isLaterPayload(bytes: Uint8Array): boolean {
  return bytes[0] === FRAME_BYTE && bytes[1] === laterPayload.version;
}

const shipped = VOCABULARY.machines.workflow;

const workflow: Machine<Row, LaterEnvelope, Effect> = {
  payloads,
  versionNeeded: (envelope) => (isMark(envelope) ? LATER_VERSION : shipped.versionNeeded(envelope)),
  apply: (tx, at, envelope) =>
    isMark(envelope) ? applyMark(tx, at.index, envelope) : shipped.apply(tx, at, envelope),
};

/** Each mark's row follows from the one before and the mark's place. */
function applyMark(tx: Transaction<Row, Effect>, index: number, { command }: MarkEnvelope): Answer {
  const before = tx.get(MARKS_KEY);
  const source = before?.kind === "source" ? before.source : "0";
  const digest = hash("sha256", `${source} ${index} ${command.name}`, "hex");
  tx.put(MARKS_KEY, { kind: "source", source: `${marksIn(source) + 1} ${digest}` });
  return { kind: "ok" };
}

/** How many marks the row with this content has seen. */
export function marksIn(source: string): number {
  return Number(source.split(" ", 1)[0]);
}

/** A call for a mark, as its program passes it on; only its own type says that it is one. */
export function markCall(group: number, name: string): Call {
  const envelope: MarkEnvelope = { id: { kind: "none" }, command: { kind: "mark", name } };
  return asCall({ kind: "command", group, envelope });
}

/** To all that only carries it, it is a command like any other. */
function asCall(call: MarkCall): Extract<Call, { readonly kind: "command" }>;
function asCall(call: MarkCall): MarkCall {
  return call;
}

function asShipped(machine: typeof workflow): Vocabulary["machines"]["workflow"];
function asShipped(machine: typeof workflow): typeof workflow {
  return machine;
}

/** Whether a message is one that this program cannot read. */
export function isLaterMessage(message: PeerMessage): boolean {
  return (
    message.kind === "call" && message.call.kind === "command" && isMark(message.call.envelope)
  );
}

interface WrittenCall {
  readonly id: number;
  readonly group: number;
  readonly envelope: LaterEnvelope;
}

const laterCall: Format<WrittenCall> = defineFormat({
  codec: struct<WrittenCall>({ id: natural, group: natural, envelope: laterEnvelope }),
  version: peerMessageFormat.version + 1,
  bytesMax: FRAME_BYTES_MAX,
});

/** How the next program writes and reads messages. */
const laterMessages: Format<PeerMessage> = {
  ...peerMessageFormat,
  encode(message) {
    if (message.kind !== "call" || message.call.kind !== "command" || !isLaterMessage(message))
      return peerMessageFormat.encode(message);
    const { group, envelope } = message.call;
    return laterCall.encode({ id: message.id, group, envelope });
  },
  decode(frame) {
    if (frame[0] !== FRAME_BYTE || frame[1] !== laterCall.version)
      return peerMessageFormat.decode(frame);
    const { id, group, envelope } = laterCall.decode(frame);
    return { kind: "call", id, call: asCall({ kind: "command", group, envelope }) };
  },
};

const LATER: Vocabulary = {
  machines: { ...VOCABULARY.machines, workflow: asShipped(workflow) },
  messageVersion: (message) =>
    isLaterMessage(message) ? LATER_VERSION : VOCABULARY.messageVersion(message),
};

/** What the program of a range can say and read. */
export function programOf({ max }: VersionRange): {
  readonly vocabulary: Vocabulary;
  readonly messages: Format<PeerMessage>;
} {
  return max >= LATER_VERSION
    ? { vocabulary: LATER, messages: laterMessages }
    : { vocabulary: VOCABULARY, messages: peerMessageFormat };
}
