/** Applies recorded entries as a replica does, on a disk in memory. */
import { Applier, type Committed } from "../../src/actors/applier.ts";
import type { Batch, LogPosition } from "../../src/actors/machine.ts";
import { soleMembership } from "../../src/actors/membership.ts";
import type { PayloadPort, StatePort } from "../../src/actors/ports.ts";
import { NodeStore } from "../../src/node/node-store.ts";
import type { Entry } from "../../src/raft/types.ts";
import { applyEnvelope } from "../../src/scheduler/apply.ts";
import type { Answer } from "../../src/scheduler/rows.ts";
import { applySystemEnvelope } from "../../src/scheduler/system/apply.ts";
import type { Transaction } from "../../src/scheduler/transaction.ts";
import { assert } from "../../src/std/assert.ts";
import { silentLog } from "../../src/std/log.ts";
import { seededRandom } from "../../src/std/random.ts";
import { payloadFormat } from "../../src/wire/command.ts";
import { peerMessageFormat } from "../../src/wire/peer-message.ts";
import { ChunkReader, snapshotInfoFormat } from "../../src/wire/snapshot.ts";
import { stateCheckFormat } from "../../src/wire/state-check.ts";
import { systemPayloadFormat } from "../../src/wire/system.ts";
import { FakeDisk } from "../lib/fake-disk.ts";
import { AT_ONCE } from "../lib/fake-timers.ts";
import type { RecordedGroup, Recording } from "./recording.ts";

/** Numbers of the recorded groups. */
export const GROUP_NUMBERS: Readonly<Record<RecordedGroup, number>> = { system: 0, workflow: 1 };

/** An entry as it travels: alone in an `append` between two replicas. */
export function encodeEntry(entry: Entry): Uint8Array {
  const envelope = { from: 1, to: 2, term: entry.term, previousIndex: entry.index - 1 } as const;
  const append = {
    kind: "append",
    ...envelope,
    previousTerm: 0,
    entries: [entry],
    commit: 0,
  } as const;
  return peerMessageFormat.encode({ kind: "raft", items: [{ group: 0, message: append }] });
}

function decodeEntry(bytes: Uint8Array): Entry {
  const message = peerMessageFormat.decode(bytes);
  assert(message.kind === "raft", "an entry was recorded in a Raft message");
  const [item] = message.items;
  assert(item?.message.kind === "append", "an entry was recorded in an append");
  const [entry] = item.message.entries;
  assert(entry !== undefined, "an append was recorded with its entry");
  return entry;
}

/** Applies the whole log from the group's beginning. @returns the hash of the state at its end. */
export async function replayLog(group: RecordedGroup, recording: Recording): Promise<string> {
  const store = await openStore();
  const number = GROUP_NUMBERS[group];
  const bootstrap = soleMembership({ replica: 1, node: "n1", storeId: "s" });
  await store.createReplica({ group: number, replica: 1, bootstrap, founder: true });
  await applyEntries(store, group, recording.entries.map(decodeEntry));
  return hashOf(store, number);
}

/** Installs the snapshot and applies what follows it in the log. @returns the hash at the log's end. */
export async function replaySnapshot(group: RecordedGroup, recording: Recording): Promise<string> {
  const store = await openStore();
  const number = GROUP_NUMBERS[group];
  const info = snapshotInfoFormat.decode(recording.info);
  const { index, term, membership, hash } = info;
  const bootstrap = membership;
  await store.createReplica({ group: number, replica: 1, bootstrap, founder: false });
  const install = await store.beginInstall(number, info);
  const reader = new ChunkReader();
  let complete = false;
  for (const bytes of recording.chunks) {
    reader.take(bytes);
    const chunk = reader.next();
    assert(chunk !== undefined, "a recorded chunk is whole");
    if (chunk.rows.length > 0) await install.put(chunk.rows);
    complete = chunk.last;
  }
  assert(complete, "a recorded snapshot is whole");
  assert(
    install.hash.high === hash.high && install.hash.low === hash.low,
    "a snapshot's rows have another hash than it says",
  );
  await install.finish({ index, term, membership });
  const entries = recording.entries.map(decodeEntry).filter((entry) => entry.index > index);
  await applyEntries(store, group, entries);
  return hashOf(store, number);
}

async function openStore(): Promise<NodeStore> {
  const disk = new FakeDisk({ random: seededRandom(1) });
  const random = seededRandom(2);
  const about = { clusterId: "recorded", nodeId: "n1", replaceable: false, log: silentLog };
  return NodeStore.open({ disk, random, timers: AT_ONCE, ...about });
}

function hashOf(store: NodeStore, group: number): string {
  const state = store.stateHash(group);
  assert(state !== undefined, "the group has a state");
  return state.hash;
}

async function applyEntries(
  store: NodeStore,
  group: RecordedGroup,
  entries: readonly Entry[],
): Promise<void> {
  switch (group) {
    case "system":
      return applyAll(
        { payloads: systemPayloadFormat, apply: applySystemEnvelope, state: await store.system() },
        entries,
      );
    case "workflow":
      return applyAll(
        { payloads: payloadFormat, apply: applyEnvelope, state: await store.workflow(1) },
        entries,
      );
  }
}

async function applyAll<R, E, F>(
  {
    state,
    ...machine
  }: {
    readonly payloads: PayloadPort<Batch<E>>;
    readonly apply: (tx: Transaction<R, F>, at: LogPosition, envelope: E) => Answer;
    readonly state: StatePort<R>;
  },
  entries: readonly Entry[],
): Promise<void> {
  const applier = new Applier(machine, state);
  const waiting: Committed<E>[] = entries.map((entry) => {
    const isCheck = entry.kind === "normal" && stateCheckFormat.matches(entry.data);
    const check = isCheck ? stateCheckFormat.decode(entry.data) : undefined;
    // Who the members are is no row.
    return { entry, batch: undefined, check, membership: undefined };
  });
  while (waiting.length > 0) {
    const { written } = await applier.apply(waiting.splice(0, applier.chunk(waiting)));
    await written;
  }
}
