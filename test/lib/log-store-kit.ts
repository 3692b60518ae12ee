/** A log store on a fake disk, with one group or none. */

import type { Entry } from "../../src/raft/types.ts";
import { seededRandom } from "../../src/std/random.ts";
import { openLogStore } from "../../src/store/log-open.ts";
import type { LogStore } from "../../src/store/log-store.ts";
import type { LogReport } from "../../src/store/log-store-types.ts";
import { FakeDisk } from "./fake-disk.ts";

export const CONFIGURATION = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
export const START = { index: 0, term: 0 };

export function normal(index: number, term: number, text = `${index}.${term}`): Entry {
  return { kind: "normal", index, term, data: new TextEncoder().encode(text) };
}

export function open(
  disk: FakeDisk,
  create = false,
): Promise<{ readonly store: LogStore; readonly report: LogReport }> {
  return openLogStore({ disk, storeId: "s1", create, tailBytesMax: 1 << 20 });
}

export async function fresh(
  seed = 1,
): Promise<{ readonly disk: FakeDisk; readonly store: LogStore }> {
  const disk = new FakeDisk({
    random: seededRandom(seed),
    memtableBytes: { log: 2000, state: 2000 },
  });
  const { store } = await open(disk, true);
  return { disk, store };
}

export async function withGroup(
  group = "a",
): Promise<{ readonly disk: FakeDisk; readonly store: LogStore }> {
  const made = await fresh();
  await made.store.createReplica({
    group,
    replica: 1,
    configuration: { index: 0, configuration: CONFIGURATION, note: new Uint8Array() },
    start: START,
  });
  return made;
}
