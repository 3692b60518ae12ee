/**
 * Clusters that run by chance, from a seed, with everything going wrong that may: messages lost,
 * doubled and out of order, writes that end late or never, crashes that lose what was not written,
 * compaction, membership changes, transfers, logs that do not fit in memory. The checkers watch every
 * step. At the end all faults stop and the group must come to agree and to work.
 */
import { expect, test } from "vitest";
import { RaftCheckers } from "../../test/lib/raft-checkers.ts";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import { bytesOf, type TestReplica } from "../../test/lib/raft-replica.ts";
import { assert } from "../std/assert.ts";
import { type Random, seededRandom } from "../std/random.ts";
import type { ReadResult } from "./core-state.ts";
import type { RaftOptions } from "./options.ts";
import type { ConfigChange, ConfigStep } from "./types.ts";

/** Seeds 1 to so many run in the ordinary tests; JOBX_RAFT_SEEDS=FROM-TO runs others. */
const SEEDS = 25;
const STEPS = 4_000;

/** In the second half of each so many steps nobody proposes or reads. */
const REST_EVERY_STEPS = 1_000;

interface Mood {
  readonly lossRatio: number;
  readonly doubleRatio: number;
  readonly crashRatio: number;
  readonly configRatio: number;
}

class Chaos {
  readonly cluster: TestCluster;
  readonly checkers = new RaftCheckers();
  readonly #random: Random;
  readonly #mood: Mood;
  readonly #reads = new Map<string, number>();
  #names = 0;
  #nextId = 4;
  /** Nobody asks for anything, so that the group may go quiet. */
  #resting = false;
  confirmedReads = 0;
  quietSteps = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#mood = {
      lossRatio: this.#chance(0.5) ? 0 : this.#random.next() * 0.2,
      doubleRatio: this.#random.next() * 0.1,
      crashRatio: this.#chance(0.5) ? 0 : 0.01,
      configRatio: this.#chance(0.5) ? 0 : 0.01,
    };
    this.cluster = new TestCluster({
      voters: this.#chance(0.2) ? [1, 2, 3, 101, 102] : [1, 2, 3],
      random: this.#random,
      raft: this.#options(),
      watch: {
        appended: (replica, entries) => this.checkers.appended(replica, entries),
        applied: (replica, entry) => this.checkers.applied(replica, entry),
        read: (replica, result) => this.#onRead(replica, result),
      },
    });
    if (this.#chance(0.5)) for (const r of this.#all()) r.restoreTailBytes = 200;
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i += 1) {
      this.#resting = i % REST_EVERY_STEPS > REST_EVERY_STEPS / 2;
      const touched = this.#step();
      if (touched !== undefined) this.#check(touched);
    }
  }

  /** No more faults: the group must get a leader and take a proposal. */
  heal(): void {
    for (let round = 0; round < 2_000; round += 1) {
      for (const replica of this.#all()) {
        replica.core.tick("quiet");
        replica.settle();
        this.#check(replica);
      }
      this.cluster.deliver();
      for (const replica of this.#all()) this.#check(replica);
      const leader = this.#all().find((one) => one.core.status().role === "leader");
      if (leader === undefined || round % 50 !== 49) continue;
      // A transfer of which nothing is heard is given up, as its owner would.
      for (const member of leader.core.status().members)
        leader.core.snapshotStatus(member.id, "failed");
      const proposal = leader.core.propose([bytesOf(`last ${round}`)]);
      if (proposal.kind === "refused") continue;
      this.cluster.stabilize();
      leader.core.tick();
      this.cluster.stabilize();
      for (const replica of this.#all()) this.#check(replica);
      if (leader.state.index >= proposal.index && this.#agree(leader)) return;
    }
    const seen = this.#all().map((one) => {
      const { id, role, term, committed, lastIndex, applied, configuration } = one.core.status();
      return { id, role, term, committed, lastIndex, applied, configuration };
    });
    assert(false, `the group did not come to work again: ${JSON.stringify(seen, null, 1)}`);
  }

  #agree(leader: TestReplica): boolean {
    const { configuration } = leader.core.status();
    return [...configuration.voters, ...configuration.votersOutgoing, ...configuration.learners]
      .map((id) => this.cluster.at(id))
      .every((member) => member.state.index === leader.state.index);
  }

  #check(replica: TestReplica): void {
    if (replica.core.quiet !== undefined) {
      this.quietSteps += 1;
      // All have agreed, and from then on nobody is counted: the leader must not have forgotten one.
      const { role, members } = replica.core.status();
      if (role === "leader") expect(members.filter((one) => !one.recentActive)).toEqual([]);
    }
    this.checkers.check(replica, this.cluster.replicas);
  }

  /** Something happens. @returns the replica that it happened to. */
  #step(): TestReplica | undefined {
    const replica = this.#pick(this.#all());
    const mood = this.#mood;
    const dice = this.#random.next();
    if (this.#chance(mood.crashRatio)) this.#crash(replica);
    else if (this.#chance(mood.configRatio)) this.#changeMembers(replica);
    else if (dice < 0.12) replica.core.tick(this.#resting ? "quiet" : "awake");
    else if (dice < 0.5) return this.#deliverOne();
    else if (dice < 0.62) replica.pump();
    else if (dice < 0.74) replica.write();
    else if (dice < 0.82) replica.apply();
    else if (dice < 0.87) replica.readLog();
    else if (dice < 0.95) this.#ask(() => this.#propose(replica));
    else if (dice < 0.97) this.#ask(() => this.#read(replica));
    else if (dice < 0.98) this.#compact(replica);
    else if (dice < 0.985) replica.core.leaderGone();
    else if (dice < 0.99) replica.core.transferLeadership(this.#pick(this.#all()).id);
    else if (dice < 0.995) replica.core.replicaUnreachable(this.#pick(this.#all()).id);
    else this.#snapshotStatus(replica);
    return replica;
  }

  #ask(run: () => void): void {
    if (!this.#resting) run();
  }

  #deliverOne(): TestReplica | undefined {
    const { messages } = this.cluster;
    const position = Math.floor(this.#random.next() * Math.min(messages.length, 20));
    const message = messages[position];
    if (message === undefined) return undefined;
    if (!this.#chance(this.#mood.doubleRatio)) messages.splice(position, 1);
    if (this.#chance(this.#mood.lossRatio)) return undefined;
    const replica = this.cluster.replicas.get(message.to);
    replica?.core.step(message);
    return replica;
  }

  #propose(replica: TestReplica): void {
    const payloads = [];
    const count = 1 + Math.floor(this.#random.next() * 3);
    for (let i = 0; i < count; i += 1) payloads.push(bytesOf(`p${this.#name()}`));
    replica.core.propose(payloads);
  }

  #read(replica: TestReplica): void {
    const context = this.#name();
    this.#reads.set(`${replica.id}/${context}`, this.checkers.committedMax);
    replica.core.readIndex(context);
  }

  #onRead(replica: TestReplica, result: ReadResult): void {
    if (result.kind === "lost") return;
    const asked = this.#reads.get(`${replica.id}/${result.context}`);
    assert(asked !== undefined, "a read is answered that was never asked");
    assert(
      result.index >= asked,
      `linearizable reads: ${replica.id} may read at ${result.index}, ${asked} was committed`,
    );
    this.confirmedReads += 1;
  }

  #compact(replica: TestReplica): void {
    const back = Math.floor(this.#random.next() * 8);
    const index = Math.min(replica.state.index, replica.core.status().applied) - back;
    if (index > replica.disk.compacted.index) replica.compact(index);
  }

  #snapshotStatus(replica: TestReplica): void {
    replica.core.snapshotStatus(
      this.#pick(this.#all()).id,
      this.#chance(0.5) ? "transferred" : "failed",
    );
  }

  #crash(replica: TestReplica): void {
    replica.restart(Math.floor(this.#random.next() * (replica.tasks.length + 1)));
  }

  #changeMembers(replica: TestReplica): void {
    const { configuration } = replica.core.status();
    const known = [...configuration.voters, ...configuration.learners];
    if (known.length === 0) return;
    const changes: ConfigStep[] = [];
    if (known.length < 6 && this.#chance(0.6))
      changes.push({
        type: this.#chance(0.5) ? "add-voter" : "add-learner",
        replica: this.#nextId,
      });
    if (known.length > 2 && this.#chance(0.6))
      changes.push({ type: "remove", replica: this.#pick(known) });
    if (this.#chance(0.4))
      changes.push({
        type: this.#chance(0.7) ? "add-voter" : "add-learner",
        replica: this.#pick(known),
      });
    const change: ConfigChange = {
      transition: this.#pick(["auto", "joint-implicit", "joint-explicit"] as const),
      changes: configuration.votersOutgoing.length > 0 ? [] : changes,
      context: new Uint8Array(),
    };
    const result = replica.core.proposeConfigChange(change);
    if (result.kind === "refused") return;
    for (const { replica: id } of changes)
      if (!this.cluster.replicas.has(id)) {
        this.cluster.add(id);
        this.#nextId += 1;
      }
  }

  #options(): Partial<RaftOptions> {
    return {
      electionTicks: 10,
      heartbeatTicks: 2,
      quietTicks: 2,
      inflightMessagesMax: 1 + Math.floor(this.#random.next() * 6),
      messageBytesMax: this.#chance(0.5) ? 150 : 10_000,
      committedBytesMax: this.#chance(0.5) ? 150 : 10_000,
      uncommittedBytesMax: 3_000,
      tailBytesMax: this.#chance(0.5) ? 300 : Number.POSITIVE_INFINITY,
      preVote: this.#chance(0.8),
      checkQuorum: this.#chance(0.8),
      stepDownOnRemoval: true,
    };
  }

  #name(): number {
    this.#names += 1;
    return this.#names;
  }

  #all(): TestReplica[] {
    return [...this.cluster.replicas.values()];
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random.next() * items.length)];
    assert(item !== undefined, "there is nothing to pick from");
    return item;
  }

  #chance(ratio: number): boolean {
    return this.#random.next() < ratio;
  }
}

const [from, to] = (process.env["JOBX_RAFT_SEEDS"] ?? `1-${SEEDS}`).split("-").map(Number);

test("whatever goes wrong, the five properties hold and the group works afterwards", () => {
  let applied = 0;
  let reads = 0;
  let quiet = 0;
  for (let seed = from ?? 1; seed <= (to ?? SEEDS); seed += 1) {
    const chaos = new Chaos(seed);
    try {
      chaos.run(STEPS);
      chaos.heal();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    applied += chaos.checkers.appliedCount;
    reads += chaos.confirmedReads;
    quiet += chaos.quietSteps;
  }
  console.log(
    `${applied} entries applied, ${reads} reads confirmed, ${quiet} steps of quiet replicas`,
  );
  // A run in which nothing happens proves nothing.
  expect(applied).toBeGreaterThan(((to ?? SEEDS) - (from ?? 1) + 1) * 10);
  expect(quiet).toBeGreaterThan(((to ?? SEEDS) - (from ?? 1) + 1) * 10);
}, 120_000);
