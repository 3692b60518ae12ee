/** All who watch a simulated cluster, each for what it must not do. */

import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { SimProcess } from "../host.ts";
import type { World } from "../world.ts";
import { BlockChecker } from "./block-checker.ts";
import { CreditChecker } from "./credit-checker.ts";
import { FairnessChecker } from "./fairness-checker.ts";
import { HungLeaderChecker } from "./hung-leader-checker.ts";
import { LaterChecker } from "./later-checker.ts";
import { ObedienceChecker } from "./obedience-checker.ts";
import { RaftChecker } from "./raft-checker.ts";
import { RemovalChecker } from "./removal-checker.ts";
import { RowChecker } from "./row-checker.ts";
import { StopChecker } from "./stop-checker.ts";
import { VersionChecker } from "./version-checker.ts";
import { VoiceChecker } from "./voice-checker.ts";

export class AllCheckers {
  readonly raft: RaftChecker;
  readonly rows: RowChecker;
  readonly blocks: BlockChecker;
  readonly hungLeaders: HungLeaderChecker;
  readonly removals: RemovalChecker;
  readonly #stops: StopChecker;
  readonly #voices: VoiceChecker;
  readonly #credit: CreditChecker;
  readonly #fairness: FairnessChecker;
  readonly obedience: ObedienceChecker;
  readonly versions: VersionChecker;
  readonly later: LaterChecker;

  constructor(
    world: World,
    options: {
      /** Whether commits are compared with the disks. */
      readonly watchesDisks: boolean;
      /** Whether ended requests go by themselves. */
      readonly expires: boolean;
      /** Which group has a replica on a node. */
      readonly neededBy: (node: string) => string | undefined;
    },
  ) {
    const { watchesDisks, expires, neededBy } = options;
    this.removals = new RemovalChecker(world, { neededBy });
    this.raft = new RaftChecker(world, {
      watchesDisks,
      leads: (process, group) => this.removals.leads(process, group),
    });
    this.rows = new RowChecker(world, { expires });
    this.blocks = new BlockChecker(world);
    this.#credit = new CreditChecker(world);
    this.#fairness = new FairnessChecker(world);
    this.obedience = new ObedienceChecker(world);
    this.hungLeaders = new HungLeaderChecker(world);
    this.versions = new VersionChecker(world);
    const version = (): number => this.versions.version;
    this.later = new LaterChecker(world, version);
    this.#voices = new VoiceChecker(world);
    this.#stops = new StopChecker(world, version);
  }

  /** A process has opened its disk. */
  opened(process: SimProcess, store: NodeStore): void {
    this.rows.watch(store);
    this.blocks.watch(store);
    this.removals.watch(process, store);
    this.versions.watch(process, store);
    this.later.watch(process, store);
    this.raft.watch(process, store);
    this.hungLeaders.watch(process, store);
    this.#stops.watch(process, store);
    this.#voices.watch(process, store);
  }

  /** A message has come to a process. */
  heard(process: SimProcess, from: string, message: PeerMessage): void {
    if (message.kind === "raft") this.raft.heard(process);
    this.rows.heard(message);
    this.#credit.heard(process, message);
    this.#fairness.heard(process, message);
    this.obedience.heard(process, message);
    this.later.heard(process, from, message);
    this.removals.heard(process, from, message);
  }

  /** A message has come to a process that cannot read it. */
  unreadable(process: SimProcess, from: string, error: Error): void {
    this.later.unreadable(process, from, error);
  }

  /** A process sends a message. */
  said(process: SimProcess, message: PeerMessage): void {
    this.removals.said(process, message);
    this.#credit.said(process, message);
    this.#fairness.said(process, message);
    this.obedience.said(process, message);
    this.versions.said(process, message);
    this.raft.said(process, message);
    this.#stops.said(process, message);
    this.#voices.said(process, message);
  }

  /** Something has happened in a process that lives. */
  look(process: SimProcess): void {
    this.raft.check(process);
    this.versions.check(process);
    this.#stops.look(process);
  }
}
