import fc from "fast-check";
import { expect, test } from "vitest";
import { peerKinds } from "../../test/lib/wire-peer-values.ts";
import { ofKinds } from "../../test/lib/wire-values.ts";
import type { CallAnswer, PeerMessage } from "../actors/ports.ts";
import type { Row } from "../scheduler/rows.ts";
import { WireError } from "./errors.ts";
import { encodePeerFrames } from "./peer-frames.ts";
import { peerMessageFormat } from "./peer-message.ts";

const decode = (frames: readonly Uint8Array[]): readonly PeerMessage[] =>
  frames.map((frame) => peerMessageFormat.decode(frame));

const row: Row = { kind: "source", source: "x".repeat(100) };

function rows(scannedCount: number, values: readonly Row[] = []): PeerMessage {
  const scanned = Array.from({ length: scannedCount }, (_, at) => ({ key: `k${at}`, row }));
  const answer: CallAnswer = {
    kind: "rows",
    values,
    scanned,
    more: false,
    term: 1,
    appliedIndex: 2,
  };
  return { kind: "answer", id: 4, answer };
}

test("a message that fits is one frame", () => {
  fc.assert(
    fc.property(ofKinds<PeerMessage>(peerKinds), (message) => {
      expect(decode(encodePeerFrames(message))).toEqual([message]);
    }),
    { numRuns: 50 },
  );
});

test("Raft messages that are too large together are sent in their order, one after the other", () => {
  const items = Array.from({ length: 50 }, (_, index) => ({
    group: index,
    message: {
      kind: "heartbeat",
      from: 1,
      to: 2,
      term: 3,
      commit: index,
      round: 0,
    } as const,
  }));
  const frames = encodePeerFrames({ kind: "raft", items }, 100);
  expect(frames.length).toBeGreaterThan(4);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(100);
  const sent = decode(frames).flatMap((message) => (message.kind === "raft" ? message.items : []));
  expect(sent).toEqual(items);
});

test("ends and tokens are cut without losing one, with group and executor in each part", () => {
  const tokens = Array.from({ length: 40 }, (_, index) => ({ index, ordinal: 0 }));
  const ends = tokens.map((token) => ({
    token,
    outcome: { kind: "released", reason: "drain" } as const,
    run: undefined,
    ranMicros: 3,
  }));
  const ended = { kind: "ended", group: 7, executor: "e", ends } as const;
  const told = decode(encodePeerFrames({ kind: "executor", message: ended }, 100));
  expect(told.length).toBeGreaterThan(1);
  const messages = told.flatMap((part) => (part.kind === "executor" ? [part.message] : []));
  expect(messages.map(({ group, executor }) => [group, executor])).toEqual(
    messages.map(() => [7, "e"]),
  );
  expect(messages.flatMap((part) => (part.kind === "ended" ? part.ends : []))).toEqual(ends);

  const cancel = { kind: "cancel", group: 7, term: 2, tokens } as const;
  const parts = decode(encodePeerFrames({ kind: "scheduler", message: cancel }, 60));
  const cancelled = parts.flatMap((part) =>
    part.kind === "scheduler" && part.message.kind === "cancel" ? part.message.tokens : [],
  );
  expect(parts.length).toBeGreaterThan(1);
  expect(cancelled).toEqual(tokens);
});

test("scanned rows that are too many end earlier and say that there are more", () => {
  const [message, ...others] = decode(encodePeerFrames(rows(64), 1000));
  expect(others).toEqual([]);
  const answer = message?.kind === "answer" ? message.answer : undefined;
  if (answer?.kind !== "rows") throw new Error("not rows");
  expect(answer.more).toBe(true);
  expect(answer.scanned.map(({ key }) => key)).toEqual([
    "k0",
    "k1",
    "k2",
    "k3",
    "k4",
    "k5",
    "k6",
    "k7",
  ]);
});

test("an answer that cannot be cut is replaced by one that says so", () => {
  const [message] = decode(encodePeerFrames(rows(0, [row, row, row]), 200));
  expect(message).toMatchObject({ kind: "answer", id: 4, answer: { code: "WIRE_TOO_LARGE" } });
});

test("any other message that is too large is refused with its size", () => {
  const call = { kind: "wait", group: 1, request: 2, waitMs: 3, knowsPaused: false } as const;
  const attempt = (): unknown => encodePeerFrames({ kind: "call", id: 1, call }, 5);
  expect(attempt).toThrow(WireError);
  expect(attempt).toThrow(expect.objectContaining({ code: "WIRE_TOO_LARGE" }));
});
