import { expect, test } from "vitest";
import { RAFT_DEFAULTS } from "../raft/options.ts";
import { RaftCore } from "../raft/raft-core.ts";
import type { SystemEnvelope } from "../scheduler/system/commands.ts";
import type { SystemEffect } from "../scheduler/system/effect.ts";
import { CLUSTER_KEY, systemKeys } from "../scheduler/system/keys.ts";
import type { SystemRow } from "../scheduler/system/rows.ts";
import { silentLog } from "../std/log.ts";
import { seededRandom } from "../std/random.ts";
import { Directory } from "./directory.ts";
import type { Membership, StatePort } from "./ports.ts";
import { Replica } from "./replica.ts";
import { SystemGroup } from "./system-group.ts";

const MEMBERSHIP: Membership = {
  configuration: {
    ...{ voters: [1, 2, 3], votersOutgoing: [], learners: [], learnersNext: [] },
    autoLeave: false,
  },
  places: [1, 2, 3].map((replica) => ({ replica, node: `n${replica}`, storeId: "s" })),
  nextReplica: 4,
};

const CLUSTER: SystemRow = { kind: "cluster", id: "c", nextGroup: 1, version: 1 };

function tokenRow(name: string): SystemRow {
  return { kind: "token", role: "admin", name, workflows: undefined, createdMs: 0 };
}

function unused(): never {
  throw new Error("nothing of that is done here");
}

/** A follower's replica of the system group whose rows are read a page at a time, when a test says so. */
class Follower {
  readonly directory = new Directory();
  readonly system = new SystemGroup({
    ...{ log: silentLog, directory: this.directory, founding: undefined },
    ...{ onChange: () => {}, isUp: () => true },
  });
  rows: readonly (readonly [string, SystemRow])[] = [];
  /** Gives the next page; undefined while nobody waits for one. */
  turn: (() => void) | undefined;
  readonly replica: Replica<SystemRow, SystemEnvelope, SystemEffect>;

  constructor() {
    const state: StatePort<SystemRow> = {
      ...{ appliedIndex: 1, membership: MEMBERSHIP, hash: unused, peek: unused, read: unused },
      write: unused,
      scan: ({ gte }) =>
        new Promise((resolve) => {
          const left = this.rows.filter(([key]) => key >= gte);
          this.turn = () => resolve({ rows: left.slice(0, 1), more: left.length > 1 });
        }),
    };
    const begin = { compacted: { index: 1, term: 1 }, lastIndex: 1, terms: [], entries: [] };
    const core = new RaftCore(
      { ...RAFT_DEFAULTS, id: 1, random: seededRandom(1) },
      {
        ...{ hardState: { term: 1, vote: undefined, commit: 1 }, appliedIndex: 1 },
        ...{ configuration: MEMBERSHIP.configuration, ...begin },
      },
    );
    this.replica = new Replica({
      ...{ group: 0, id: 1, core, state, membership: MEMBERSHIP, listener: this.system },
      machine: {
        payloads: { encode: unused, decode: unused },
        ...{ versionNeeded: unused, apply: unused },
      },
      places: { encode: unused, decode: unused },
      checks: { encode: unused, decode: unused, matches: () => false },
      ...{ stampMs: () => 0, versions: unused, wake: () => {}, bugs: {} },
    });
  }

  /** Gives all pages; `look` comes before each. */
  async read(work: Promise<unknown>, look: () => void): Promise<void> {
    const seen = { isDone: false };
    void work.then(() => {
      seen.isDone = true;
    });
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (seen.isDone) return;
      look();
      this.turn?.();
    }
  }
}

test("while a snapshot's rows are read, those from before it count, and no read is served by them", async () => {
  const follower = new Follower();
  follower.rows = [
    [CLUSTER_KEY, CLUSTER],
    [systemKeys.token("old"), tokenRow("old")],
    [systemKeys.token("stays"), tokenRow("stays")],
  ];
  await follower.read(follower.system.bind(follower.replica), () => {});
  expect(follower.directory.tokens().map(({ hash }) => hash)).toEqual(["old", "stays"]);
  follower.rows = [
    [CLUSTER_KEY, CLUSTER],
    [systemKeys.token("new"), tokenRow("new")],
    [systemKeys.token("stays"), tokenRow("stays")],
  ];
  const installed = follower.replica.install(() =>
    Promise.resolve({ index: 50, term: 1, membership: MEMBERSHIP }),
  );
  void follower.replica.applyAll();
  let looks = 0;
  await follower.read(installed, () => {
    looks += 1;
    expect(follower.replica.appliedIndex).toBe(1);
    expect(follower.directory.cluster).toEqual(CLUSTER);
    expect(follower.directory.tokens().map(({ hash }) => hash)).toEqual(["old", "stays"]);
  });
  expect(looks).toBe(3);
  expect(follower.replica.appliedIndex).toBe(50);
  expect(follower.directory.tokens().map(({ hash }) => hash)).toEqual(["new", "stays"]);
});
