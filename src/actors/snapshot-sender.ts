/**
 * Snapshots that this node's leaders hand out (R5). One per group is held open and serves every
 * follower that lacks what it stands for; each asks for its rows by a stream of its own.
 */
import type { RaftCore } from "../raft/raft-core.ts";
import type { MemberStatus } from "../raft/status.ts";
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { ActorError } from "./errors.ts";
import { membersOf, replicaOn } from "./membership.ts";
import type {
  CapturedState,
  PayloadPort,
  SnapshotChunk,
  SnapshotInfo,
  SnapshotRequest,
  StatesPort,
} from "./ports.ts";

/** Snapshots held open at once: each keeps old versions of its group's rows on the disk. */
const OPEN_MAX = 4;

/** Streams served at once over all snapshots, each with a chunk or two in flight. */
const STREAMS_MAX = 4;

/** Between two looks at what is open. */
const LOOK_MS = 500;

/** An announcement that nobody acts upon for so long was lost, or its receiver is busy. */
const UNHEARD_MS = 5_000;

/** A receiver that takes nothing for so long has given up. */
const IDLE_MS = 20_000;

/** What is open but wanted by nobody stays for so long: a receiver may come back for the rest. */
const KEEP_MS = 10_000;

/** A leader's replica as far as it is needed here. */
export interface SendingReplica {
  readonly group: number;
  readonly core: Pick<RaftCore, "snapshotMade" | "snapshotStatus"> & {
    status(): {
      readonly compactedIndex: number;
      readonly members: readonly Pick<MemberStatus, "id" | "state">[];
    };
  };
}

interface Offer {
  /** When rows were last asked for, or the announcement was made. */
  activeMs: number;
  readonly replica: SendingReplica;
  /** Rows were asked for; a stream that broke takes it back, so that it is announced again soon. */
  taken: boolean;
}

interface Open {
  readonly info: SnapshotInfo;
  readonly captured: CapturedState;
  readonly offers: Map<ReplicaId, Offer>;
  usedMs: number;
}

/** A receiver that takes rows. */
interface ServedStream {
  readonly open: Open;
  /** When it last asked for some. */
  activeMs: number;
}

export interface SnapshotSenderDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly states: Pick<StatesPort, "capture">;
  readonly infos: PayloadPort<SnapshotInfo>;
  /** Rows of about so many bytes are read and sent at once. */
  readonly chunkBytes: number;
  /** Names this run of the process, so that names of snapshots never come again. */
  readonly run: string;
  readonly bugs: PlantedBugs;
  readonly wake: (group: number) => void;
}

export class SnapshotSender {
  readonly #deps: SnapshotSenderDeps;
  readonly #open = new Map<number, Open>();
  readonly #making = new Set<number>();
  /** Followers that wait, by group and replica. */
  readonly #waiting = new Map<
    string,
    { readonly replica: SendingReplica; readonly to: ReplicaId }
  >();
  /** A receiver that died without a word never ends its stream: what is idle for long is taken out. */
  readonly #streams = new Set<ServedStream>();
  #made = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: SnapshotSenderDeps) {
    this.#deps = deps;
  }

  /** A leader's core wants a snapshot for a follower. */
  wanted(replica: SendingReplica, to: ReplicaId): void {
    this.#waiting.set(`${replica.group}/${to}`, { replica, to });
    this.#serveWaiting();
    this.#arm();
  }

  /** Rows for another node, chunk by chunk. @throws {ActorError} `SNAPSHOT_GONE`, `SNAPSHOT_BUSY`. */
  async *serve(from: NodeId, wanted: SnapshotRequest): AsyncGenerator<SnapshotChunk, void, void> {
    const open = this.#open.get(wanted.group);
    const to = open === undefined ? undefined : replicaOn(open.info.membership, from);
    if (open?.info.snapshot !== wanted.snapshot || to === undefined) {
      throw gone();
    }
    if (this.#streams.size >= STREAMS_MAX) {
      throw new ActorError({ code: "SNAPSHOT_BUSY" }, "too many snapshots are being fetched here");
    }
    const stream: ServedStream = { open, activeMs: this.#deps.clock.nowMs() };
    this.#streams.add(stream);
    let { after } = wanted;
    let complete = false;
    try {
      while (!complete) {
        if (!this.#streams.has(stream)) throw gone();
        stream.activeMs = this.#deps.clock.nowMs();
        const offer = open.offers.get(to.replica);
        if (offer !== undefined) offer.activeMs = stream.activeMs;
        if (offer !== undefined) offer.taken = true;
        const chunk = await open.captured.chunk(after, this.#deps.chunkBytes);
        after = chunk.rows.at(-1)?.key ?? after;
        yield chunk;
        // Only whoever has taken the last one comes back for more.
        complete = chunk.last;
      }
    } finally {
      this.#streams.delete(stream);
      open.usedMs = this.#deps.clock.nowMs();
      const offer = open.offers.get(to.replica);
      if (offer !== undefined) {
        offer.activeMs = open.usedMs;
        if (!complete) offer.taken = false;
      }
    }
  }

  /** The group's replica has stopped here. */
  drop(group: number): void {
    for (const [name, { replica }] of this.#waiting)
      if (replica.group === group) this.#waiting.delete(name);
    const open = this.#open.get(group);
    if (open !== undefined) this.#close(group, open);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const [group, open] of this.#open) this.#close(group, open);
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    if (this.#open.size === 0 && this.#waiting.size === 0) return;
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      this.#timer = undefined;
      this.#look();
      this.#arm();
    });
  }

  #look(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const stream of this.#streams)
      if (nowMs - stream.activeMs > IDLE_MS) this.#streams.delete(stream);
    for (const [group, open] of this.#open) {
      // Whoever is told that it failed soon wants it again, and is to find the same one.
      if (open.offers.size > 0) open.usedMs = nowMs;
      for (const [to, offer] of open.offers) {
        if (!isWaiting(offer.replica, to)) open.offers.delete(to);
        else if (nowMs - offer.activeMs > (offer.taken ? IDLE_MS : UNHEARD_MS)) {
          this.#fail(open, to, offer);
        }
      }
      const unused = open.offers.size === 0 && !this.#isRead(open);
      if (unused && nowMs - open.usedMs > KEEP_MS) this.#close(group, open);
    }
    this.#serveWaiting();
  }

  #serveWaiting(): void {
    for (const [name, { replica, to }] of this.#waiting) {
      const { group } = replica;
      if (!isWaiting(replica, to)) {
        this.#waiting.delete(name);
        continue;
      }
      const open = this.#open.get(group);
      if (open === undefined) {
        if (this.#open.size + this.#making.size >= OPEN_MAX || this.#making.has(group)) continue;
        this.#making.add(group);
        void this.#make(group);
      } else if (fits(open.info, replica, to)) {
        this.#waiting.delete(name);
        this.#offer(open, { replica, to });
      } else if (!this.#isRead(open)) {
        this.#close(group, open);
      }
    }
  }

  async #make(group: number): Promise<void> {
    try {
      const captured = await this.#deps.states.capture(group);
      const { term, membership, hash } = captured;
      const index = captured.index - (this.#deps.bugs.snapshotOfOtherRows === true ? 1 : 0);
      this.#made += 1;
      const snapshot = `${this.#deps.run}-${this.#made}`;
      const usedMs = this.#deps.clock.nowMs();
      const info = { snapshot, index, term, membership, hash };
      this.#open.set(group, { info, captured, offers: new Map(), usedMs });
      this.#deps.log.info("made a snapshot", { group, snapshot, index });
    } catch (error) {
      this.#making.delete(group);
      // It is tried again at the next look: what refuses at once would be asked without end.
      this.#deps.log.warn("a snapshot could not be made", { group, reason: errorText(error) });
      return;
    }
    this.#making.delete(group);
    if (!this.#stopped) this.#serveWaiting();
  }

  #offer(open: Open, of: { readonly replica: SendingReplica; readonly to: ReplicaId }): void {
    const { replica, to } = of;
    const { index, term, membership } = open.info;
    const { configuration } = membership;
    const descriptor = this.#deps.infos.encode(open.info);
    if (!replica.core.snapshotMade(to, { index, term, configuration, descriptor })) return;
    const activeMs = this.#deps.clock.nowMs();
    open.offers.set(to, { activeMs, replica, taken: false });
    this.#deps.wake(replica.group);
  }

  /** Whether a receiver takes rows of the snapshot. */
  #isRead(open: Open): boolean {
    return [...this.#streams].some((stream) => stream.open === open);
  }

  /** The core finds out again what the follower lacks, and asks for another snapshot if need be. */
  #fail(open: Open, to: ReplicaId, { replica }: Offer): void {
    open.offers.delete(to);
    replica.core.snapshotStatus(to, "failed");
    this.#deps.wake(replica.group);
  }

  #close(group: number, open: Open): void {
    this.#open.delete(group);
    // Nothing is sent to who waits for a snapshot, so nobody may be left waiting for this one.
    for (const [to, offer] of open.offers) this.#fail(open, to, offer);
    open.captured.close().catch((error: unknown) => {
      this.#deps.log.debug("a snapshot was not closed", { group, reason: errorText(error) });
    });
  }
}

function gone(): ActorError {
  return new ActorError({ code: "SNAPSHOT_GONE" }, "the snapshot is not there any more");
}

/** Whether the leader's core still waits for a snapshot to reach the follower. */
function isWaiting(replica: SendingReplica, to: ReplicaId): boolean {
  const { members } = replica.core.status();
  return members.some(({ id, state }) => id === to && state === "snapshot");
}

/** Whether a snapshot reaches into the leader's log, and knows the follower. */
function fits(info: SnapshotInfo, replica: SendingReplica, to: ReplicaId): boolean {
  return (
    info.index >= replica.core.status().compactedIndex &&
    membersOf(info.membership.configuration).includes(to)
  );
}
