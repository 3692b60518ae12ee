import { describe, expect, test } from "vitest";
import {
  DISK_HANGS_MS,
  LOOP_STALLED_MS,
  ProgressWatch,
  type ReplicaSample,
  STUCK_MS,
  stoppedTroubles,
} from "./health.ts";

const EVERY_MS = 1_000;

function replica(more: Partial<ReplicaSample> = {}): ReplicaSample {
  return { group: 1, leads: true, lastIndex: 10, commitIndex: 10, appliedIndex: 10, ...more };
}

class Watch {
  nowMs = 0;
  readonly watch = new ProgressWatch(EVERY_MS, 0);

  look(...samples: readonly ReplicaSample[]): void {
    this.nowMs += EVERY_MS;
    this.watch.look(this.nowMs, samples);
  }

  codes(writeMs = 0): readonly string[] {
    return this.watch.troubles(this.nowMs, writeMs).map(({ code }) => code);
  }
}

describe("a replica", () => {
  test("with nothing to do is well however long nothing moves", () => {
    const watch = new Watch();
    for (let look = 0; look < 60; look++) watch.look(replica());
    expect(watch.codes()).toEqual([]);
  });

  test("that leaves committed entries unapplied for long is not, until it applies one", () => {
    const watch = new Watch();
    for (let ms = 0; ms < STUCK_MS; ms += EVERY_MS) watch.look(replica({ appliedIndex: 7 }));
    expect(watch.codes()).toEqual([]);
    watch.look(replica({ appliedIndex: 7 }));
    expect(watch.codes()).toEqual(["not-applying"]);
    watch.look(replica({ appliedIndex: 8 }));
    expect(watch.codes()).toEqual([]);
  });

  test("that lags behind and moves is well", () => {
    const watch = new Watch();
    for (let look = 0; look < 60; look++) {
      watch.look(replica({ lastIndex: 1000, commitIndex: 900, appliedIndex: look }));
    }
    expect(watch.codes()).toEqual(["not-committing"]);
    for (let look = 0; look < 60; look++) {
      watch.look(replica({ lastIndex: 1000, commitIndex: 900 + look, appliedIndex: 100 + look }));
    }
    expect(watch.codes()).toEqual([]);
  });

  test("that does not lead is not blamed for what is not committed", () => {
    const watch = new Watch();
    for (let look = 0; look < 60; look++)
      watch.look(replica({ leads: false, commitIndex: 5, appliedIndex: 5 }));
    expect(watch.codes()).toEqual([]);
  });

  test("that is gone is forgotten", () => {
    const watch = new Watch();
    for (let look = 0; look < 60; look++) watch.look(replica({ appliedIndex: 7 }));
    expect(watch.codes()).toEqual(["not-applying"]);
    watch.look();
    expect(watch.codes()).toEqual([]);
  });
});

test("a write that hangs is trouble", () => {
  const watch = new Watch();
  expect(watch.codes(DISK_HANGS_MS - 1)).toEqual([]);
  expect(watch.codes(DISK_HANGS_MS)).toEqual(["disk-hangs"]);
});

test("a loop that stood still is trouble for a while after it went on", () => {
  const watch = new Watch();
  watch.nowMs += LOOP_STALLED_MS;
  watch.look(replica());
  expect(watch.codes()).toEqual(["loop-stalled"]);
  for (let look = 0; look < 10; look++) watch.look(replica());
  expect(watch.codes()).toEqual([]);
});

test("a replica that stopped is told from one that is damaged and will be replaced", () => {
  const stopped = new Map([
    [3, "STORE_IO: a read failed"],
    [4, "STORE_DAMAGED: a row"],
  ]);
  expect(stoppedTroubles(stopped, new Map([[4, 9]]))).toEqual([
    { code: "stopped", message: "the replica of group 3 takes no part: STORE_IO: a read failed" },
    { code: "damage", message: "the replica of group 4 takes no part: STORE_DAMAGED: a row" },
  ]);
});
