/** A few Raft replicas and the messages between them, all in the test's hands. */
import type { Message } from "../../src/raft/messages.ts";
import { RAFT_DEFAULTS, type RaftOptions } from "../../src/raft/options.ts";
import { type Configuration, EMPTY_CONFIGURATION, type ReplicaId } from "../../src/raft/types.ts";
import { assert } from "../../src/std/assert.ts";
import { type Random, seededRandom } from "../../src/std/random.ts";
import { type ReplicaWatch, SnapshotShelf, TestReplica } from "./raft-replica.ts";

/** Where the log of a founder begins: nobody can replay how the first configuration came about. */
const FOUNDING_INDEX = 1;
const FOUNDING_TERM = 1;

/** How a cluster is set up. */
export interface TestClusterOptions {
  readonly voters: readonly ReplicaId[];
  readonly learners?: readonly ReplicaId[];
  readonly raft?: Partial<RaftOptions>;
  readonly random?: Random;
  readonly watch?: ReplicaWatch;
}

/** Replicas by id, and the messages that are on their way, oldest first. */
export class TestCluster {
  readonly replicas = new Map<ReplicaId, TestReplica>();
  readonly shelf = new SnapshotShelf();
  messages: Message[] = [];
  readonly #options: TestClusterOptions;
  readonly #random: Random;

  constructor(options: TestClusterOptions) {
    this.#options = options;
    this.#random = options.random ?? seededRandom(1);
    const configuration = {
      ...EMPTY_CONFIGURATION,
      voters: options.voters,
      learners: options.learners ?? [],
    };
    for (const id of [...options.voters, ...(options.learners ?? [])]) this.add(id, configuration);
  }

  /**
   * A new replica: one of the founders, whose log begins behind the configuration that they all
   * know, or a newcomer, whose log is empty and who is told everything by the leader.
   */
  add(id: ReplicaId, configuration: Configuration = EMPTY_CONFIGURATION): TestReplica {
    const replica = new TestReplica({
      options: { ...RAFT_DEFAULTS, ...this.#options.raft, id, random: this.#random },
      shelf: this.shelf,
      start:
        configuration.voters.length > 0
          ? { index: FOUNDING_INDEX, term: FOUNDING_TERM, configuration, entries: [] }
          : { index: 0, term: 0, configuration, entries: [] },
      send: (message) => this.messages.push(message),
      ...(this.#options.watch === undefined ? {} : { watch: this.#options.watch }),
    });
    this.replicas.set(id, replica);
    return replica;
  }

  at(id: ReplicaId): TestReplica {
    const replica = this.replicas.get(id);
    assert(replica !== undefined, `there is no replica ${id}`);
    return replica;
  }

  /** Delivers what is on its way and passes `accept`, and throws the rest away. */
  deliver(accept: (message: Message) => boolean = () => true): void {
    const messages = this.messages;
    this.messages = [];
    for (const message of messages) {
      if (!accept(message)) continue;
      const claim = this.replicas.get(message.to)?.core.step(message);
      assert(claim === undefined, `replica ${message.from} is honest, and ${claim}`);
    }
  }

  /** Lets all replicas, or those given, do everything until nothing is left to do. */
  stabilize(accept: (message: Message) => boolean = () => true): void {
    // A cluster that still talks after so many rounds talks in a circle.
    for (let round = 0; round < 1_000; round += 1) {
      for (const replica of this.replicas.values()) replica.settle();
      if (this.messages.length === 0) return;
      this.deliver(accept);
    }
    assert(false, "the cluster does not come to rest");
  }

  /** Makes `id` the leader. */
  elect(id: ReplicaId): TestReplica {
    const replica = this.at(id);
    for (const other of this.replicas.values()) if (other !== replica) other.core.leaderGone();
    replica.core.campaign();
    this.stabilize();
    assert(replica.core.status().role === "leader", `replica ${id} was not elected`);
    return replica;
  }
}
