import { expect, test } from "vitest";
import { PAYLOAD_BYTES_MAX, PAYLOAD_COMMANDS_MAX } from "../scheduler/commands.ts";
import { assert } from "../std/assert.ts";
import type { Batch } from "./machine.ts";
import type { PayloadPort } from "./ports.ts";
import { notAccepted, PROPOSALS_WAITING_MAX, Proposals } from "./proposals.ts";

/** A command is as many bytes as it says; a negative one is out of its format's bounds. */
const payloads: PayloadPort<Batch<number>> = {
  encode({ envelopes }) {
    assert(
      envelopes.every((one) => one >= 0),
      "out of bounds",
    );
    return new Uint8Array(envelopes.reduce((sum, one) => sum + one, 0));
  },
  decode: () => ({ stampMs: 0, envelopes: [] }),
};

/** How each command ended: its position, or the code of its refusal. */
async function endOf(command: Promise<{ index: number; ordinal: number }>): Promise<string> {
  return command.then(
    ({ index, ordinal }) => `${index}.${ordinal}`,
    (error: { code: string }) => error.code,
  );
}

function made(commands: readonly number[]) {
  const proposals = new Proposals<number>(payloads);
  const ends = commands.map((one) => endOf(proposals.add(one)));
  return { proposals, ends, packed: proposals.pack(5) };
}

const OK = { kind: "ok" } as const;

test("commands that wait go into one entry, and each learns its own place", async () => {
  const { proposals, ends, packed } = made([1, 2, 3]);
  const [one] = packed;
  assert(one !== undefined && packed.length === 1, "one entry");
  expect(proposals.hasWaiting).toBe(false);
  proposals.accepted(one, { index: 9, term: 2 });
  expect(proposals.batchAt(9, 2)).toEqual({ stampMs: 5, envelopes: [1, 2, 3] });
  expect(proposals.batchAt(9, 3)).toBeUndefined();
  proposals.applied(9, 2, [OK, OK, OK]);
  expect(await Promise.all(ends)).toEqual(["9.0", "9.1", "9.2"]);
});

test("an entry takes so many commands and so many bytes, and the order stays", () => {
  const many = made(Array.from({ length: PAYLOAD_COMMANDS_MAX + 1 }, () => 1));
  expect(many.packed.map(({ waiters }) => waiters.length)).toEqual([PAYLOAD_COMMANDS_MAX, 1]);
  const large = made([1, 2, 3, 4, 5].map((one) => one * 200_000));
  expect(large.packed.flatMap(({ batch }) => batch.envelopes)).toEqual([
    200_000, 400_000, 600_000, 800_000, 1_000_000,
  ]);
  for (const { bytes } of large.packed) expect(bytes.length).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
});

test("a command that fits no entry, or cannot be written at all, is refused alone", async () => {
  const { proposals, ends, packed } = made([1, PAYLOAD_BYTES_MAX + 1, -1, 2]);
  for (const [at, one] of packed.entries()) {
    proposals.accepted(one, { index: at + 1, term: 1 });
    const answers = one.waiters.map(() => OK);
    proposals.applied(at + 1, 1, answers);
  }
  expect(await Promise.all(ends)).toEqual(["1.0", "COMMAND_TOO_LARGE", "COMMAND_TOO_LARGE", "2.0"]);
});

test("an entry that the core refuses was not accepted", async () => {
  const { proposals, ends, packed } = made([1]);
  for (const one of packed) proposals.refused(one, notAccepted("no leader", "b"));
  expect(await Promise.all(ends)).toEqual(["COMMAND_NOT_ACCEPTED"]);
});

test("another leader's entry displaces ours there and everywhere behind it, at once", async () => {
  const { proposals, ends } = made([]);
  const later = [1, 2, 3].map((one) => {
    const end = endOf(proposals.add(one));
    for (const packed of proposals.pack(0))
      proposals.accepted(packed, { index: 10 + one, term: 4 });
    return end;
  });
  proposals.applied(11, 4, [OK]);
  proposals.applied(12, 5, []);
  expect(await Promise.all([...ends, ...later])).toEqual([
    "11.0",
    "COMMAND_NOT_ACCEPTED",
    "COMMAND_NOT_ACCEPTED",
  ]);
});

test("an entry that an earlier leader left, committed by a later one, displaces ours at its place", async () => {
  const { proposals } = made([]);
  const [mine, behind] = [made([1, 2]), made([3])];
  assert(mine.packed[0] !== undefined && behind.packed[0] !== undefined, "an entry each");
  proposals.accepted(mine.packed[0], { index: 34, term: 7 });
  proposals.accepted(behind.packed[0], { index: 35, term: 7 });
  proposals.applied(34, 6, [OK, OK, OK]);
  expect(await Promise.all(mine.ends)).toEqual(["COMMAND_NOT_ACCEPTED", "COMMAND_NOT_ACCEPTED"]);
  proposals.applied(35, 8, []);
  expect(await Promise.all(behind.ends)).toEqual(["COMMAND_NOT_ACCEPTED"]);
});

test("what is in the log when the replica stops is unknown, what was not put there had no effect", async () => {
  const { proposals, ends, packed } = made([1]);
  for (const one of packed) proposals.accepted(one, { index: 1, term: 1 });
  const waiting = endOf(proposals.add(2));
  proposals.close();
  expect(await Promise.all([...ends, waiting])).toEqual([
    "COMMAND_OUTCOME_UNKNOWN",
    "COMMAND_NOT_ACCEPTED",
  ]);
});

test("a full queue refuses at once", async () => {
  const { proposals } = made([]);
  const ends = Array.from({ length: PROPOSALS_WAITING_MAX + 1 }, () => endOf(proposals.add(1)));
  expect(await ends.at(-1)).toBe("COMMAND_QUEUE_FULL");
  proposals.close();
  expect(new Set(await Promise.all(ends.slice(0, -1)))).toEqual(new Set(["COMMAND_NOT_ACCEPTED"]));
});
