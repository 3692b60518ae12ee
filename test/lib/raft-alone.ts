/** One replica by itself, and messages to it: for tests of single rules. */
import type { Message } from "../../src/raft/messages.ts";
import { RAFT_DEFAULTS, type RaftOptions } from "../../src/raft/options.ts";
import { EMPTY_CONFIGURATION, type Entry } from "../../src/raft/types.ts";
import { assert } from "../../src/std/assert.ts";
import { seededRandom } from "../../src/std/random.ts";
import { bytesOf, SnapshotShelf, TestReplica } from "./raft-replica.ts";

/** Without pre-votes and quorum checks: the paper's own algorithm. */
export const BARE: Partial<RaftOptions> = { preVote: false, checkQuorum: false };

/** A replica by itself whose log has the given terms from index 2 on, and all that it sends. */
export function alone(given: {
  readonly terms?: readonly number[];
  readonly term?: number;
  readonly voters?: readonly number[];
  readonly raft?: Partial<RaftOptions>;
}): { readonly replica: TestReplica; readonly sent: Message[] } {
  const sent: Message[] = [];
  const replica = new TestReplica({
    options: { ...RAFT_DEFAULTS, ...BARE, ...given.raft, id: 1, random: seededRandom(3) },
    shelf: new SnapshotShelf(),
    start: {
      index: 1,
      term: 1,
      configuration: { ...EMPTY_CONFIGURATION, voters: given.voters ?? [1, 2, 3] },
      entries: [],
    },
    send: (message) => sent.push(message),
  });
  replica.disk.write(entriesOf(given.terms ?? []));
  const lastTerm = replica.disk.termAt(replica.disk.lastIndex) ?? 1;
  replica.hardState = { term: given.term ?? lastTerm, vote: undefined, commit: 1 };
  replica.restart(0);
  return { replica, sent };
}

/** Entries of the given terms. */
export function entriesOf(terms: readonly number[], firstIndex = 2): Entry[] {
  return terms.map((term, position) => ({
    kind: "normal",
    index: firstIndex + position,
    term,
    data: bytesOf(`${firstIndex + position}/${term}`),
  }));
}

/** An append from replica 2 to replica 1. */
export function append(given: {
  readonly term: number;
  readonly after: readonly [index: number, term: number];
  readonly terms?: readonly number[];
  readonly commit?: number;
}): Message {
  const [previousIndex, previousTerm] = given.after;
  return {
    kind: "append",
    from: 2,
    to: 1,
    term: given.term,
    previousIndex,
    previousTerm,
    entries: entriesOf(given.terms ?? [], previousIndex + 1),
    commit: given.commit ?? 1,
  };
}

/** A request for a vote of replica 1. */
export function vote(given: {
  readonly from?: number;
  readonly term: number;
  readonly last: readonly [index: number, term: number];
}): Message {
  const [lastIndex, lastTerm] = given.last;
  return {
    kind: "vote",
    from: given.from ?? 2,
    to: 1,
    term: given.term,
    lastIndex,
    lastTerm,
    transfer: false,
  };
}

/** Makes replica 1 of three leader, with the vote of replica 2. */
export function lead(replica: TestReplica, term: number): void {
  replica.core.campaign();
  replica.settle();
  replica.core.step({ kind: "vote-response", from: 2, to: 1, term, granted: true });
  assert(replica.core.status().role === "leader", "the replica does not lead");
}

/** An answer that says that `from` has everything up to `index`. */
export function accepted(from: number, term: number, index: number): Message {
  return { kind: "append-response", from, to: 1, term, index, rejection: undefined };
}
