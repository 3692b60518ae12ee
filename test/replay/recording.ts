/**
 * What a version of the program left behind: the whole log of a workflow's group and of the system group,
 * and a snapshot from the middle of each, as text files. Every later version must make the same state of
 * them (R10): see `replay.test.ts`; `record.ts` writes a new one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../../src/std/assert.ts";

/** One group's recording. All bytes are as they are stored or sent. */
export interface Recording {
  /** Entries in the form in which they travel: `append` frames of Raft, one entry in each. */
  readonly entries: readonly Uint8Array[];
  /** The announcement of the snapshot, and its chunks as a bulk stream carries them. */
  readonly info: Uint8Array;
  readonly chunks: readonly Uint8Array[];
  /** The hash of the state that the entries lead to. */
  readonly hash: string;
}

/** Groups that are recorded, by the names of their files. */
export const RECORDED = ["system", "workflow"] as const;

export type RecordedGroup = (typeof RECORDED)[number];

const FOLDER = import.meta.dirname;

/** Characters of a line of base64: files that can be looked at. */
const LINE_LENGTH = 120;

/** Recordings are kept for ever; each version of the formats adds its own. */
export function readRecording(version: number, group: RecordedGroup): Recording {
  const text = readFileSync(fileOf(version, group), "utf8");
  const parts = new Map<string, string[]>();
  for (const block of text.split("\n\n")) {
    const [name = "", ...lines] = block.trim().split("\n");
    const known = parts.get(name) ?? [];
    known.push(lines.join(""));
    parts.set(name, known);
  }
  const bytesOf = (name: string): readonly Uint8Array[] =>
    (parts.get(name) ?? []).map((line) => Uint8Array.from(Buffer.from(line, "base64")));
  const [info] = bytesOf("info");
  const [hash] = parts.get("hash") ?? [];
  assert(info !== undefined && hash !== undefined, "a recording has all its parts");
  return { entries: bytesOf("entry"), info, chunks: bytesOf("chunk"), hash };
}

export function writeRecording(version: number, group: RecordedGroup, recording: Recording): void {
  const block = (name: string, bytes: Uint8Array): string => {
    const line = Buffer.from(bytes).toString("base64");
    return [name, ...(line.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [])].join("\n");
  };
  const blocks = [
    `hash\n${recording.hash}`,
    ...recording.entries.map((bytes) => block("entry", bytes)),
    block("info", recording.info),
    ...recording.chunks.map((bytes) => block("chunk", bytes)),
  ];
  writeFileSync(fileOf(version, group), `${blocks.join("\n\n")}\n`);
}

/** Where a recording is. */
export function fileOf(version: number, group: RecordedGroup): string {
  return join(FOLDER, `${group}.v${version}.txt`);
}
