import { expect, test } from "vitest";
import type { MemberStatus, RaftStatus } from "../raft/status.ts";
import { silentLog } from "../std/log.ts";
import { LogKeeper } from "./log-keeper.ts";

const TAIL = { tailEntries: 100, tailBytes: 1_000 };

function member(id: number, given: Partial<MemberStatus> = {}): MemberStatus {
  return {
    id,
    learner: false,
    state: "replicate",
    match: 5_000,
    next: 5_001,
    paused: false,
    recentActive: true,
    pendingSnapshot: 0,
    inflightMessages: 0,
    inflightFull: false,
    ...given,
  };
}

/** Where a log of 5000 entries is cut, in the core and then on the disk. */
function cutOf(given: {
  readonly durable?: number;
  readonly status?: Partial<RaftStatus>;
  readonly members?: readonly MemberStatus[];
  readonly bytesPerEntry?: number;
}): { readonly core: number | undefined; readonly disk: number | undefined } {
  const { durable = 5_000, bytesPerEntry = 1, members } = given;
  let core: number | undefined;
  let disk: number | undefined;
  const configuration = {
    voters: [1, 2, 3],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const status: RaftStatus = {
    id: 1,
    role: members === undefined ? "follower" : "leader",
    term: 1,
    vote: 1,
    leader: 1,
    silentTicks: 0,
    configuration,
    compactedIndex: 1,
    lastIndex: 5_000,
    lastTerm: 1,
    committed: 5_000,
    synced: 5_000,
    applied: 5_000,
    memoryFirstIndex: 1,
    memoryBytes: 0,
    uncommittedBytes: 0,
    transferee: undefined,
    readsPending: 0,
    appendTasksOpen: 0,
    storageStalled: false,
    quiet: false,
    members: [member(1), ...(members ?? [])],
    ...given.status,
  };
  const keeper = new LogKeeper({
    log: silentLog,
    tail: TAIL,
    replica: () => ({
      core: {
        status: () => status,
        compact: (index: number) => {
          expect(disk).toBeUndefined();
          core = index;
        },
      },
    }),
    logs: {
      tailStart: (_, bytesMax) => Math.max(1, 5_000 - Math.floor(bytesMax / bytesPerEntry)),
      truncate: async (groups) => {
        disk = groups[0]?.index;
      },
    },
  });
  keeper.checkpointed(new Map([[7, durable]]));
  return { core, disk };
}

test("a tail of entries is kept, in the core and on the disk", () => {
  expect(cutOf({})).toEqual({ core: 4_900, disk: 4_900 });
});

test("a tail of large entries is kept by bytes", () => {
  expect(cutOf({ bytesPerEntry: 50 }).disk).toBe(4_980);
});

test("nothing is cut that is not in tables, or not applied", () => {
  expect(cutOf({ durable: 300 }).disk).toBe(300);
  expect(cutOf({ status: { applied: 200 } }).disk).toBe(200);
});

test("a log that is short enough is left alone", () => {
  expect(cutOf({ status: { compactedIndex: 4_900 } })).toEqual({
    core: undefined,
    disk: undefined,
  });
});

test("a leader waits for a follower that is heard and behind, but not for ever", () => {
  expect(cutOf({ members: [member(2, { match: 4_500 })] }).disk).toBe(4_500);
  expect(cutOf({ members: [member(2, { match: 50 })] }).disk).toBe(4_200);
  expect(cutOf({ members: [member(2, { match: 50, recentActive: false })] }).disk).toBe(4_900);
});

test("a leader keeps what follows a snapshot that is on its way", () => {
  const state = "snapshot";
  expect(cutOf({ members: [member(2, { state, pendingSnapshot: 4_600 })] }).disk).toBe(4_600);
  expect(cutOf({ members: [member(2, { state, match: 10 })] }).disk).toBe(4_900);
});
