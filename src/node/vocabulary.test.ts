/**
 * R10: since which version each command and message exists, against what is written down. UPDATE=1 adds
 * what is new in the highest version that this program supports; what an earlier one has stays as it is.
 */
import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { namedCommandKinds } from "../../test/lib/wire-named-values.ts";
import {
  callAnswerKinds,
  callKinds,
  executorKinds,
  peerKinds,
  schedulerKinds,
} from "../../test/lib/wire-peer-values.ts";
import { systemCommandKinds } from "../../test/lib/wire-system-values.ts";
import { treeCommandKinds } from "../../test/lib/wire-tree-values.ts";
import { commandKinds, type Kinds, raftKinds } from "../../test/lib/wire-values.ts";
import type { Call, CallAnswer, PeerMessage } from "../actors/ports.ts";
import type { Message } from "../raft/messages.ts";
import type { Command } from "../scheduler/commands.ts";
import type { ExecutorMessage, SchedulerMessage } from "../scheduler/protocol.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import { SUPPORTED_VERSIONS } from "../scheduler/system/version-range.ts";
import { VOCABULARY } from "./vocabulary.ts";

const FILE = new URL("./vocabulary.data.txt", import.meta.url);

const { machines, messageVersion } = VOCABULARY;
const id = { kind: "none" } as const;

/** What a kind's smallest samples need: that of the kind itself, whatever is in it. */
function linesOf<T extends { readonly kind: string }>(
  name: string,
  kinds: Kinds<T>,
  versionOf: (value: T) => number,
): readonly string[] {
  const all: readonly (readonly [string, fc.Arbitrary<T>])[] = Object.entries(kinds);
  return all.map(([kind, values]) => {
    const needed = fc.sample(values, { numRuns: 200, seed: 1 }).map(versionOf);
    return `${Math.min(...needed)} ${name}/${kind}`;
  });
}

const messages: readonly string[] = [
  ...linesOf<Message>("raft", raftKinds, (message) =>
    messageVersion({ kind: "raft", items: [{ group: 1, message }] }),
  ),
  ...linesOf<ExecutorMessage>("executor", executorKinds, (message) =>
    messageVersion({ kind: "executor", message }),
  ),
  ...linesOf<SchedulerMessage>("scheduler", schedulerKinds, (message) =>
    messageVersion({ kind: "scheduler", message }),
  ),
  ...linesOf<Call>("call", callKinds, (call) => messageVersion({ kind: "call", id: 1, call })),
  ...linesOf<CallAnswer>("answer", callAnswerKinds, (answer) =>
    messageVersion({ kind: "answer", id: 1, answer }),
  ),
  ...linesOf<PeerMessage>("peer", peerKinds, messageVersion),
];

const commands: readonly string[] = [
  ...linesOf<Command>(
    "command",
    { ...commandKinds, ...namedCommandKinds, ...treeCommandKinds },
    (command) => machines.workflow.versionNeeded({ id, command }),
  ),
  ...linesOf<SystemCommand>("system-command", systemCommandKinds, (command) =>
    machines.system.versionNeeded({ id, command }),
  ),
];

const found = [...commands, ...messages];
const versionIn = (line: string): number => Number(line.split(" ", 1)[0]);

function written(): readonly string[] {
  return readFileSync(FILE, "utf8").split("\n").filter(Boolean);
}

function addNew(): void {
  const known = new Set(written());
  const added = found.filter(
    (line) => !known.has(line) && versionIn(line) === SUPPORTED_VERSIONS.max,
  );
  if (added.length > 0) writeFileSync(FILE, `${[...known, ...added].join("\n")}\n`);
}

test("each command and message needs the version that is written down for it", () => {
  if (process.env["UPDATE"] !== undefined) addNew();
  expect([...found].sort()).toEqual([...written()].sort());
});

test("nothing needs a version that this program does not support", () => {
  expect(found.filter((line) => versionIn(line) > SUPPORTED_VERSIONS.max)).toEqual([]);
});
