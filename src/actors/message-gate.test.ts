import { expect, test } from "vitest";
import { NO_BUGS, type PlantedBugs } from "../std/planted-bugs.ts";
import { MessageGate } from "./message-gate.ts";
import { messageVersion } from "./message-versions.ts";
import type { MeshPort, PeerMessage } from "./ports.ts";

/** Of a later version; the other kinds are of the first one. */
const LATER: PeerMessage = { kind: "clock", wallMs: 5 };
const EARLIER: PeerMessage = { kind: "cluster-version", version: 1 };

function gateOf(cluster: number | undefined, bugs: PlantedBugs = NO_BUGS) {
  const sent: [string, PeerMessage][] = [];
  const mesh: MeshPort = {
    ...{ self: "a", listen() {}, isUp: () => true, isDialable: () => true, setMembers() {} },
    send: (to, message) => {
      sent.push([to, message]);
      return true;
    },
  };
  const versionNeeded = ({ kind }: PeerMessage) => (kind === LATER.kind ? 2 : 1);
  const gate = new MessageGate({ mesh, versionNeeded, version: () => cluster, bugs });
  return { gate, sent };
}

test("a message of a later version is sent from the version on that it needs", () => {
  expect([1, 2, 3].map((cluster) => gateOf(cluster).gate.send("b", LATER))).toEqual([
    false,
    true,
    true,
  ]);
  const { gate, sent } = gateOf(1);
  gate.send("b", LATER);
  expect(gate.send("b", EARLIER)).toBe(true);
  expect(sent).toEqual([["b", EARLIER]]);
});

test("a node that does not know its cluster's version says what all can read, and nothing else", () => {
  const { gate, sent } = gateOf(undefined);
  expect([gate.send("b", LATER), gate.send("b", EARLIER)]).toEqual([false, true]);
  expect(sent).toEqual([["b", EARLIER]]);
});

test("who may not say it yet learns why, and may say it to itself", () => {
  const { gate, sent } = gateOf(1);
  expect(gate.refusal("b", LATER)?.details).toEqual({
    ...{ code: "CLUSTER_VERSION_TOO_LOW", needed: 2, version: 1 },
  });
  expect(gate.refusal("b", EARLIER)).toBeUndefined();
  expect(gate.send("a", LATER)).toBe(true);
  expect(sent).toEqual([["a", LATER]]);
});

test("a message needs what the newest part of it needs", () => {
  const noop = { kind: "noop", bytes: new Uint8Array() } as const;
  const id = { kind: "none" } as const;
  const raise = {
    kind: "system-command",
    envelope: { id, command: { kind: "raise", version: 4 } },
  } as const;
  const plain = { kind: "command", group: 1, envelope: { id, command: noop } } as const;
  const versions = [raise, plain].map((call) => messageVersion({ kind: "call", id: 1, call }));
  expect(versions).toEqual([3, 1]);
});
