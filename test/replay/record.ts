/**
 * `node test/replay/record.ts VERSION`: records a simulated cluster as a new version. For a change of
 * formats or of what applying does; the files of earlier versions stay as they are.
 */
import { existsSync } from "node:fs";
import type { GroupAppend } from "../../src/actors/ports.ts";
import type { Entry } from "../../src/raft/types.ts";
import { assert } from "../../src/std/assert.ts";
import { encodeChunk, snapshotInfoFormat } from "../../src/wire/snapshot.ts";
import { simulate } from "../sim/simulation.ts";
import {
  fileOf,
  RECORDED,
  type RecordedGroup,
  type Recording,
  writeRecording,
} from "./recording.ts";
import { encodeEntry, GROUP_NUMBERS, replayLog } from "./replay.ts";

/** A seed whose cluster goes through retries, failures, cancelled and paused requests, and removed nodes. */
const SEED = 3;

/** Bytes of a chunk: several for each snapshot. */
const CHUNK_BYTES = 20_000;

/** Appends of each group until its snapshot is taken: somewhere in the middle. */
const APPENDS_BEFORE_SNAPSHOT: Readonly<Record<RecordedGroup, number>> = {
  system: 15,
  workflow: 150,
};

type Store = Parameters<NonNullable<Parameters<typeof simulate>[0]["onStore"]>>[0];

/** What was seen of a group's log and state. */
class Recorder {
  readonly #group: number;
  readonly #appendsBefore: number;
  readonly #entries = new Map<number, Entry>();
  #appends = 0;
  #capturing = false;
  #snapshot: Pick<Recording, "info" | "chunks"> | undefined;
  #state: { readonly index: number; readonly hash: string } | undefined;

  constructor(group: RecordedGroup) {
    this.#group = GROUP_NUMBERS[group];
    this.#appendsBefore = APPENDS_BEFORE_SNAPSHOT[group];
  }

  watch(store: Store): void {
    const append = store.append.bind(store);
    store.append = async (tasks) => {
      await append(tasks);
      for (const task of tasks) if (task.group === this.#group) this.#appended(store, task);
    };
  }

  #appended(store: Store, { entries }: GroupAppend): void {
    for (const entry of entries) {
      const known = this.#entries.get(entry.index);
      // Of two entries at one place only the one of the higher term can be committed.
      if (known === undefined || known.term <= entry.term) this.#entries.set(entry.index, entry);
    }
    this.#appends += 1;
    const state = store.stateHash(this.#group);
    if (state !== undefined && state.index > (this.#state?.index ?? 0)) this.#state = state;
    if (this.#appends < this.#appendsBefore || this.#capturing) return;
    // A newcomer has rows, and a membership, only when it has taken a snapshot in.
    if (state === undefined || state.index === 0) return;
    this.#capturing = true;
    void this.#capture(store);
  }

  async #capture(store: Store): Promise<void> {
    const captured = await store.capture(this.#group);
    const { index, term, membership, hash } = captured;
    const chunks: Uint8Array[] = [];
    let after: string | undefined;
    for (let last = false; !last; ) {
      const chunk = await captured.chunk(after, CHUNK_BYTES);
      chunks.push(encodeChunk(chunk));
      after = chunk.rows.at(-1)?.key ?? after;
      last = chunk.last;
    }
    await captured.close();
    const info = snapshotInfoFormat.encode({ snapshot: "recorded", index, term, membership, hash });
    this.#snapshot = { info, chunks };
  }

  recording(): Recording {
    assert(this.#state !== undefined && this.#snapshot !== undefined, "enough has happened");
    const { index, hash } = this.#state;
    const entries = [...this.#entries.values()]
      .filter((entry) => entry.index <= index)
      .sort((a, b) => a.index - b.index);
    return { ...this.#snapshot, hash, entries: entries.map(encodeEntry) };
  }
}

async function record(version: number): Promise<void> {
  const recorders = new Map<RecordedGroup, Recorder>(
    RECORDED.map((group) => [group, new Recorder(group)]),
  );
  const { failure } = await simulate({
    seed: SEED,
    // What a later program brings is no part of this one's version.
    pioneers: false,
    onStore: (store) => {
      for (const recorder of recorders.values()) recorder.watch(store);
    },
  });
  assert(failure === undefined, `the seed failed: ${failure}`);
  for (const [group, recorder] of recorders) {
    assert(!existsSync(fileOf(version, group)), "a recording is for ever: take the next version");
    const recording = recorder.recording();
    const replayed = await replayLog(group, recording);
    assert(
      replayed === recording.hash,
      "the recorded log does not lead to the state that was seen",
    );
    writeRecording(version, group, recording);
    console.log(`${fileOf(version, group)}: ${recording.entries.length} entries`);
  }
}

const version = Number(process.argv[2]);
assert(Number.isInteger(version) && version >= 1, "usage: record.ts VERSION");
await record(version);
