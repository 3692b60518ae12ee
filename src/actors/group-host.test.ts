import { describe, expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import type { Message } from "../raft/messages.ts";
import { RAFT_DEFAULTS } from "../raft/options.ts";
import type { QuietPermit } from "../raft/quiet.ts";
import { RaftCore } from "../raft/raft-core.ts";
import type { Configuration } from "../raft/types.ts";
import { AssertionError } from "../std/assert.ts";
import { silentLog } from "../std/log.ts";
import { seededRandom } from "../std/random.ts";
import { damagedError } from "../store/errors.ts";
import { type AnyReplica, GroupHost } from "./group-host.ts";
import type { Membership, PeerMessage } from "./ports.ts";

const TICK_MS = 100;

const PLACES = [1, 2, 3].map((replica) => ({ replica, node: `n${replica}`, storeId: "s" }));

class TestHost {
  readonly timers = new FakeTimers();
  readonly sent: { readonly to: string; readonly message: PeerMessage }[] = [];
  readonly down = new Set<string>();
  strangersEnter = true;
  /** Whether descriptors of snapshots are of what is announced. */
  offersFit = true;
  /** Groups that were stopped, where a test expects it. */
  stopped: number[] | undefined;
  /** Those among them that will never be trusted again. */
  readonly damaged: number[] = [];
  /** What was logged as a warning or an error. */
  readonly named: unknown[] = [];
  readonly host: GroupHost;

  constructor(self: string) {
    this.host = new GroupHost({
      clock: this.timers,
      timers: this.timers,
      log: {
        ...silentLog,
        warn: (_, fields) => this.named.push(fields),
        error: (_, fields) => this.named.push(fields),
      },
      logs: {
        replicas: () => [],
        createReplica: () => Promise.resolve(),
        append: () => Promise.resolve(),
        readEntries: () => Promise.resolve([]),
        onCheckpoint: () => {},
        tailStart: () => 0,
        truncate: () => Promise.resolve(),
        destroyReplica: () => Promise.resolve(),
        replicaFloor: () => 1,
        succeedReplica: () => Promise.reject(new Error("nothing is lost here")),
      },
      mesh: {
        self,
        listen: () => {},
        send: (to, message) => {
          this.sent.push({ to, message });
          return true;
        },
        isUp: (node) => !this.down.has(node),
        isDialable: (node) => !this.down.has(node),
        setMembers: () => {},
      },
      tickMs: TICK_MS,
      bugs: {},
      mayEnter: () => this.strangersEnter,
      snapshots: {
        wanted: () => {},
        offered: () => this.offersFit,
        finish: () => Promise.reject(new Error("nothing is installed here")),
        drop: () => {},
      },
      onStopped: ({ group }, reason, damaged) => {
        if (damaged) this.damaged.push(group);
        if (this.stopped !== undefined) {
          this.stopped.push(group);
          return;
        }
        throw new Error(`group ${group} was stopped: ${reason}`);
      },
      onRemovedSpoke: () => {},
    });
    this.host.start();
  }

  add(
    group: number,
    id: number,
    configuration: Configuration,
    permit: QuietPermit = "awake",
  ): RaftCore {
    const core = coreOf(id, configuration);
    const membership = { configuration, places: PLACES, nextReplica: 4 };
    this.host.add(replicaOf(group, core, membership, permit));
    return core;
  }

  /** A leader that is quiet with its two followers, which are cores that this test moves by itself. */
  async addQuietLeader(group: number): Promise<RaftCore> {
    const core = this.add(group, 1, voters(1, 2, 3), "quiet");
    core.campaign();
    const followers = [2, 3].map((id) => coreOf(id, voters(1, 2, 3)));
    for (let turn = 0; turn < 200 && core.quiet === undefined; turn++) {
      const told = this.sent.splice(0);
      for (const follower of followers) {
        const { id } = follower.status();
        for (const { to, message } of told) {
          if (to !== `n${id}` || message.kind !== "raft") continue;
          for (const item of message.items) follower.step(item.message);
        }
        for (const answer of answersOf(follower)) this.host.receive(`n${id}`, group, answer);
      }
      await this.timers.advance(TICK_MS);
    }
    expect([core.role, core.quiet]).toEqual(["leader", { due: false }]);
    return core;
  }

  /** A follower of replica 1 that is quiet. */
  addQuiet(group: number, due: boolean): RaftCore {
    const core = this.add(group, 2, voters(1, 2, 3));
    const head = { from: 1, to: 2, term: 1 };
    this.host.receive("n1", group, { kind: "heartbeat", ...head, commit: 1, round: 0 });
    this.host.receive("n1", group, { kind: "quiet", ...head, index: 1, due });
    expect(core.quiet).toEqual({ due });
    return core;
  }

  messagesTo(node: string): readonly (readonly Message[])[] {
    return this.sent.flatMap(({ to, message }) =>
      to === node && message.kind === "raft" ? [message.items.map((item) => item.message)] : [],
    );
  }
}

function voters(...ids: number[]): Configuration {
  return { voters: ids, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
}

function coreOf(id: number, configuration: Configuration): RaftCore {
  const random = seededRandom(id);
  return new RaftCore(
    { ...RAFT_DEFAULTS, electionTicks: 40, leaderGoneTicks: 3, heartbeatTicks: 5, id, random },
    {
      hardState: { term: 1, vote: undefined, commit: 1 },
      configuration,
      appliedIndex: 1,
      compacted: { index: 1, term: 1 },
      lastIndex: 1,
      terms: [],
      entries: [],
    },
  );
}

/** What a replica without a host says, its disk being as fast as can be. */
function answersOf(core: RaftCore): readonly Message[] {
  const answers: Message[] = [];
  while (core.hasReady()) {
    const { messages, append, committed } = core.ready();
    answers.push(...messages);
    if (append !== undefined) {
      core.stored(append.token);
      answers.push(...append.messagesAfter);
    }
    const last = committed.at(-1);
    if (last !== undefined) core.applied(last.index);
  }
  return answers;
}

/** As much of a replica as the host drives, with a state machine that has nothing to do. */
function replicaOf(
  group: number,
  core: RaftCore,
  membership: Membership,
  permit: QuietPermit,
): AnyReplica {
  return {
    group,
    id: core.status().id,
    core,
    membership,
    get leaderNode() {
      return PLACES.find(({ replica }) => replica === core.leader)?.node;
    },
    nodeOf: (id) => PLACES.find(({ replica }) => replica === id)?.node,
    met: () => {},
    proposeCheck: () => {},
    statesCompared: 0,
    install: (finish) => finish(),
    finishAlone: () => Promise.reject(new Error("nothing is lost here")),
    permit,
    appliedIndex: 1,
    work: () => {
      if (!core.hasReady()) return undefined;
      const ready = core.ready();
      const last = ready.committed.at(-1);
      if (last !== undefined) core.applied(last.index);
      return { messages: ready.messages, append: ready.append, logReads: [], snapshotsWanted: [] };
    },
    applyAll: () => Promise.resolve(),
    stop: () => {},
    dropReads: () => {},
  };
}

describe("heartbeats", () => {
  test("of all groups to one node are one message a tick", async () => {
    const node = new TestHost("n1");
    const configuration = { ...voters(1), learners: [2] };
    for (let group = 1; group <= 30; group++) node.add(group, 1, configuration).campaign();
    await node.timers.advance(TICK_MS);
    node.sent.length = 0;
    await node.timers.advance(10 * TICK_MS);
    const messages = node.messagesTo("n2");
    expect(messages.flat().filter(({ kind }) => kind === "heartbeat")).toHaveLength(60);
    expect(messages).toHaveLength(2);
  });
});

describe("quiet groups", () => {
  test("say nothing, whatever time passes", async () => {
    const node = new TestHost("n2");
    const core = node.addQuiet(1, false);
    await node.timers.advance(TICK_MS);
    node.sent.length = 0;
    await node.timers.advance(600_000);
    expect(node.sent).toEqual([]);
    expect(core.quiet).toBeDefined();
    expect(node.host.quiet.groups).toBe(1);
  });

  test("elect when their leader's node is gone and something is due, and only then", async () => {
    const node = new TestHost("n2");
    const due = node.addQuiet(1, true);
    const idle = node.addQuiet(2, false);
    node.down.add("n1");
    node.host.nodeDown("n1");
    await node.timers.advance(5 * TICK_MS);
    expect(due.status().role).toBe("pre-candidate");
    expect(idle.quiet).toBeDefined();
    node.host.touch(2);
    await node.timers.advance(5 * TICK_MS);
    expect(idle.status().role).toBe("pre-candidate");
  });

  test("that are asked for while their leader's node is there stay quiet", async () => {
    const node = new TestHost("n2");
    const core = node.addQuiet(1, false);
    node.host.touch(1);
    await node.timers.advance(TICK_MS);
    expect(core.quiet).toBeDefined();
  });

  test("whose leader is gone before they were told to be quiet elect if something is due", async () => {
    const node = new TestHost("n2");
    node.down.add("n1");
    node.host.nodeDown("n1");
    const core = node.addQuiet(1, true);
    await node.timers.advance(5 * TICK_MS);
    expect(core.status().role).toBe("pre-candidate");
  });

  test("wake when their leader's node has started", async () => {
    const node = new TestHost("n2");
    const core = node.addQuiet(1, false);
    node.host.nodeUp("n3x");
    expect(core.quiet).toBeDefined();
    node.host.nodeUp("n1");
    expect(core.quiet).toBeUndefined();
  });

  test("that are led here and asked for find out that a majority is gone, and are led no more", async () => {
    const node = new TestHost("n1");
    const core = await node.addQuietLeader(1);
    node.down.add("n2");
    node.host.nodeDown("n2");
    node.host.touch(1);
    expect(core.quiet).toBeDefined();
    node.down.add("n3");
    node.host.nodeDown("n3");
    await node.timers.advance(600_000);
    expect([core.role, core.quiet]).toEqual(["leader", { due: false }]);
    node.host.touch(1);
    await node.timers.advance(100 * TICK_MS);
    expect(core.role).not.toBe("leader");
  });

  test("elect at most fifty times a second", async () => {
    const node = new TestHost("n2");
    const cores = Array.from({ length: 120 }, (_, at) => node.addQuiet(at + 1, true));
    const awake = () => cores.filter((core) => core.quiet === undefined).length;
    node.down.add("n1");
    node.host.nodeDown("n1");
    expect(awake()).toBe(50);
    await node.timers.advance(500);
    expect(awake()).toBe(75);
    await node.timers.advance(1_000);
    expect(awake()).toBe(120);
  });
});

const FROM_LEADER = { from: 1, to: 2, term: 1 };

test("a member that speaks of a term that cannot be changes nothing, and is named once in an hour", async () => {
  const test = new TestHost("n2");
  const { host, timers, named } = test;
  const core = test.add(7, 2, voters(1, 2, 3));
  const lie = { kind: "heartbeat", from: 3, to: 2, term: 2 ** 52, commit: 1, round: 1 } as const;
  for (let message = 0; message < 5; message++) host.receive("n3", 7, lie);
  expect([core.term, core.leader]).toEqual([1, undefined]);
  expect(named).toEqual([{ group: 7, node: "n3" }]);
  await timers.advance(3_600_000);
  host.receive("n3", 7, lie);
  expect(named).toHaveLength(2);
});

test("a stranger that may not enter leads nobody", () => {
  const test = new TestHost("n2");
  const core = test.add(7, 2, voters(1, 2, 3));
  test.host.receive("n1", 7, { kind: "heartbeat", ...FROM_LEADER, commit: 1, round: 0 });
  test.strangersEnter = false;
  const claim = { kind: "heartbeat", from: 9, to: 2, term: 2, commit: 1, round: 0 } as const;
  test.host.receive("n9", 7, claim);
  expect([core.term, core.leader]).toEqual([1, 1]);
  test.strangersEnter = true;
  test.host.receive("n9", 7, claim);
  expect([core.term, core.leader]).toEqual([2, 9]);
});

test("a member whose message stops a replica is named, and other groups go on", () => {
  const test = new TestHost("n2");
  test.stopped = [];
  const core = test.add(7, 2, voters(1, 2, 3));
  core.step = () => {
    throw new AssertionError("a fault of this program");
  };
  const other = test.add(8, 2, voters(1, 2, 3));
  test.host.receive("n1", 7, { kind: "heartbeat", ...FROM_LEADER, commit: 1, round: 0 });
  expect(test.stopped).toEqual([7]);
  expect(test.named).toMatchObject([{ group: 7, replica: 2, from: "n1", said: "heartbeat" }]);
  test.host.receive("n1", 8, { kind: "heartbeat", ...FROM_LEADER, commit: 1, round: 0 });
  expect(other.leader).toBe(1);
});

test("a member that says what cannot be stops no replica and changes nothing, and is named once", async () => {
  const test = new TestHost("n2");
  const core = test.add(7, 2, voters(1, 2, 3));
  const before = core.status();
  const lie = { kind: "heartbeat", ...FROM_LEADER, commit: 50, round: 0 } as const;
  for (let time = 0; time < 3; time++) test.host.receive("n1", 7, lie);
  const claim = "tells of committed entries that were never acknowledged";
  expect(core.status()).toEqual(before);
  expect(test.named).toEqual([{ group: 7, node: "n1", said: "heartbeat", claim }]);
  expect(test.host.lies).toEqual(Array(3).fill({ group: 7, from: "n1", claim }));
  await test.timers.advance(3_600_000);
  test.host.receive("n1", 7, lie);
  expect(test.named).toHaveLength(2);
});

test("a member that speaks for the replica of another is not heard, and is named", () => {
  const test = new TestHost("n2");
  const core = test.add(7, 2, voters(1, 2, 3));
  test.host.receive("n3", 7, { kind: "heartbeat", ...FROM_LEADER, commit: 1, round: 0 });
  expect([core.leader, test.named]).toEqual([undefined, [{ group: 7, node: "n3" }]]);
});

test("a snapshot that is announced as another than it is, or of a later term, is not fetched", () => {
  const test = new TestHost("n2");
  test.add(7, 2, voters(1, 2, 3));
  const descriptor = new Uint8Array();
  const snapshot = { index: 9, term: 1, configuration: voters(1, 2, 3), descriptor };
  test.host.receive("n1", 7, { kind: "snapshot", ...FROM_LEADER, snapshot });
  expect(test.host.lies).toEqual([]);
  test.offersFit = false;
  test.host.receive("n1", 7, { kind: "snapshot", ...FROM_LEADER, snapshot });
  test.offersFit = true;
  const later = { ...snapshot, term: 2 };
  test.host.receive("n3", 7, { kind: "snapshot", ...FROM_LEADER, from: 3, snapshot: later });
  expect(test.host.lies).toMatchObject([{ from: "n1" }, { from: "n3" }]);
  expect(test.named).toMatchObject([{ node: "n1" }, { node: "n3" }]);
});

test("a group whose rows turn out to be damaged stops as such, and other groups go on", () => {
  const test = new TestHost("n2");
  test.stopped = [];
  test.add(7, 2, voters(1, 2, 3));
  test.add(8, 2, voters(1, 2, 3));
  test.host.damaged(7, damagedError("the state of 7", "a row"));
  test.host.damaged(7, damagedError("the state of 7", "another row"));
  expect([test.stopped, test.damaged, test.host.replica(7)]).toEqual([[7], [7], undefined]);
  expect(test.host.replica(8)).toBeDefined();
});
