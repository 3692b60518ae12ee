/** Logs and snapshots of every version that was recorded lead to the same state for ever (R10). */
import { describe, expect, test } from "vitest";
import { RECORDED, readRecording } from "./recording.ts";
import { replayLog, replaySnapshot } from "./replay.ts";

/** Versions that were recorded; of one that was released none is ever removed or written anew. */
const VERSIONS = [1];

describe.each(VERSIONS)("version %i", (version) => {
  test.each(RECORDED)("the log of a %s group leads to the recorded state", async (group) => {
    const recording = readRecording(version, group);
    expect(recording.entries.length).toBeGreaterThan(20);
    expect(await replayLog(group, recording)).toBe(recording.hash);
  });

  test.each(RECORDED)(
    "the snapshot of a %s group, and what follows it, leads there too",
    async (group) => {
      const recording = readRecording(version, group);
      expect(await replaySnapshot(group, recording)).toBe(recording.hash);
    },
  );

  test("another log leads to another state", async () => {
    const recording = readRecording(version, "workflow");
    const shorter = { ...recording, entries: recording.entries.slice(0, -10) };
    expect(await replayLog("workflow", shorter)).not.toBe(recording.hash);
  });
});
