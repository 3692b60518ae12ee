import { expect, test } from "vitest";
import type { PeerMessage } from "../../../src/actors/ports.ts";
import { VoiceChecker } from "./voice-checker.ts";

/** A checker, and what it has found. */
function checker(): { readonly voices: VoiceChecker; readonly found: string[] } {
  const found: string[] = [];
  const voices = new VoiceChecker({ violate: ({ message }) => void found.push(message) });
  return { voices, found };
}

function storeOf(storeId: string, replica: number, damage?: string) {
  return {
    identity: { storeId },
    replicas: () => [{ group: 1, replica, damage }],
    createReplica: (_: { readonly group: number; readonly replica: number }) => Promise.resolve(),
  };
}

function voteOf(replica: number): PeerMessage {
  const message = { kind: "vote-response", from: replica, to: 9, term: 2, granted: true } as const;
  return { kind: "raft", items: [{ group: 1, message }] };
}

test("who votes for a replica that is sound on its store is not found", () => {
  const { voices, found } = checker();
  const process = { id: "n1" };
  voices.watch(process, storeOf("a", 4));
  voices.said(process, voteOf(4));
  expect(found).toEqual([]);
});

test("a vote for a damaged replica, or for one that is not there, is found", () => {
  const { voices, found } = checker();
  const process = { id: "n1" };
  voices.watch(process, storeOf("a", 4, "a flipped bit"));
  voices.said(process, voteOf(4));
  voices.said(process, voteOf(5));
  expect(found).toEqual([
    "n1 says vote-response for replica 1/4, which it does not have",
    "n1 says vote-response for replica 1/5, which it does not have",
  ]);
});

test("a replica that goes on under its id on another store is found", async () => {
  const { voices, found } = checker();
  voices.watch({ id: "n1" }, storeOf("a", 4));
  const emptied = storeOf("b", 7);
  voices.watch({ id: "n1" }, emptied);
  await emptied.createReplica({ group: 1, replica: 4 });
  expect(found).toEqual(["n1 has replica 1/4 on another store than it was made on"]);
});
