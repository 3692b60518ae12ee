/**
 * Who belongs to the cluster, asked of a member over a bulk stream while this node has nothing of the
 * system group, or hears of no leader of it. A node that was away, or lost its store, may know only those
 * who were there when it last knew: the group's leader may have come later, and each would refuse the other.
 */
import type { Directory } from "../actors/directory.ts";
import type { BulkHandler } from "../mesh/ports.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { concatBytes } from "../std/bytes.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { joinAnswerFormat, type KnownMember } from "../wire/join.ts";
import { bulkHeader } from "./bulk-router.ts";
import type { BulkStreams } from "./snapshot-transfer.ts";

/** Between two questions; a node that hears of no leader can do nothing else. */
const ASK_MS = 2_000;

/** As much of the system group's replica as tells whether it has a leader. */
export interface ListedReplica {
  readonly core: {
    status(): { readonly leader: number | undefined; readonly silentTicks: number };
  };
}

export interface MemberListDeps {
  readonly streams: BulkStreams;
  readonly timers: Timers;
  readonly log: Log;
  readonly node: {
    readonly directory: Directory;
    readonly system: { readonly replica: ListedReplica | undefined };
  };
  /** A leader that is silent for so many ticks is none: a learner never gives up the one it knows. */
  readonly silentTicksMax: number;
  /** Others that are known, one of whom is asked at a time. */
  readonly known: () => readonly NodeId[];
  readonly take: (members: readonly KnownMember[]) => void;
}

export class MemberList {
  readonly #deps: MemberListDeps;
  #timer: Timer | undefined;
  #asked = 0;

  constructor(deps: MemberListDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(ASK_MS, () => {
      void this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Answers such questions of others. @throws {JobxError} `NODE_NOT_READY` when this node does not know. */
  readonly handler: BulkHandler = () => this.#answer();

  async *#answer(): AsyncGenerator<Uint8Array, void, void> {
    const { directory, system } = this.#deps.node;
    const { cluster } = directory;
    if (cluster === undefined || system.replica === undefined)
      throw new JobxError({ code: "NODE_NOT_READY" }, "this member does not know its cluster yet");
    const members = directory.members().map(({ node, addresses }) => ({ node, addresses }));
    yield joinAnswerFormat.encode({ clusterId: cluster.id, members });
  }

  /** Whether this node has nothing that tells it who belongs, or what it has may be old. */
  #isLost(): boolean {
    const { node, silentTicksMax } = this.#deps;
    const { replica } = node.system;
    if (replica === undefined || node.directory.cluster === undefined) return true;
    const { leader, silentTicks } = replica.core.status();
    return leader === undefined || silentTicks >= silentTicksMax;
  }

  /** With what is known here: the other's rows may be the older ones. */
  #together(members: readonly KnownMember[]): readonly KnownMember[] {
    const { directory } = this.#deps.node;
    const here = directory.members();
    const more = here.filter(({ node }) => !members.some((member) => member.node === node));
    return [
      ...members.filter(({ node }) => directory.member(node)?.state !== "removed"),
      ...more.map(({ node, addresses }) => ({ node, addresses })),
    ];
  }

  async #look(): Promise<void> {
    const { known, streams, take, log } = this.#deps;
    const others = known();
    const asked = others[this.#asked % Math.max(1, others.length)];
    if (!this.#isLost() || asked === undefined) return;
    this.#asked += 1;
    const { signal } = new AbortController();
    try {
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      const header = bulkHeader("members", new Uint8Array());
      for await (const piece of streams.requestBulk(asked, header, { signal })) {
        bytes += piece.length;
        if (bytes > joinAnswerFormat.bytesMax) return;
        pieces.push(piece);
      }
      const { members } = joinAnswerFormat.decode(concatBytes(pieces));
      // It may have heard of a leader meanwhile, whose log knows better.
      if (this.#isLost() && members.length > 0) take(this.#together(members));
    } catch (error) {
      log.debug("a member did not say who belongs", { reason: errorText(error) });
    }
  }
}
