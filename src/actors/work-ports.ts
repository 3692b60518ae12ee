/** What runs units on this node and keeps their runs. */
import type { Dataset, NodeId, RunPiece } from "../scheduler/dataset.ts";
import type { OutputSoFar, OutputWanted } from "../scheduler/output-so-far.ts";
import type { Stripe } from "../scheduler/tree/rows.ts";
import type { Token } from "../scheduler/unit.ts";
import type { Work, WorkEnd } from "../scheduler/work.ts";

/** A block that is on this node. */
export interface BlockFacts {
  readonly bytes: number;
  /** Whether it may be of a run: then datasets may lead to it, as files may to all blocks. */
  readonly isRun: boolean;
}

/** R25: what the collector needs of this node's block store. */
export interface CondemnedPort {
  /** Ids of blocks that are here, in order, above `after`; at most `limit`. */
  listBlocks(after: string, limit: number): Promise<readonly string[]>;
  /** Undefined for what is not here, or not whole. Condemned ones stay so. */
  blockFacts(cids: readonly string[]): Promise<readonly (BlockFacts | undefined)[]>;
  /**
   * From now on each block may be deleted, until somebody stores, reads or asks for it. For each, whether
   * there was room to remember it; a restart forgets them.
   */
  condemnBlocks(cids: readonly string[]): Promise<readonly boolean[]>;
  /** Deletes those that are still condemned; for each whether it was. */
  deleteCondemned(cids: readonly string[]): Promise<readonly boolean[]>;
  /**
   * The blocks of a run, its own among them, by its list as it is here or else at one of the nodes.
   * @throws {JobxError} when no list was found, or it cannot be read.
   */
  runBlocks(cid: string, from: readonly NodeId[], signal: AbortSignal): Promise<readonly string[]>;
}

/** What reading blocks of a node came to. */
export interface BlocksVerified {
  /** The last block that was looked at; undefined at the end of the store, and where blocks were named. */
  readonly last: string | undefined;
  readonly blocks: number;
  readonly bytes: number;
  /** Those that did not have their hash. They are set aside: the node does not have them any more. */
  readonly damaged: readonly string[];
}

/** Blocks that come whole, those of stripes, and copies that are too many. */
export interface CodedPort {
  /** Makes blocks durable here under the hashes that they have. @throws `FS_DISK_FULL`, `FS_IO`. */
  store(blocks: readonly Uint8Array[]): Promise<void>;
  /**
   * Makes blocks durable here, from whoever of the nodes has them, or else from others of their stripe; tells for
   * each whether it is here then.
   * @throws `FS_DISK_FULL`, `FS_IO`.
   */
  rebuild(order: {
    readonly stripe: Stripe;
    readonly cids: readonly string[];
    readonly from: readonly NodeId[];
  }): Promise<readonly boolean[]>;
  /** From now on each block is here only until `drop`, unless it is wanted before; for each, whether there was room. */
  offer(cids: readonly string[]): Promise<readonly boolean[]>;
  /** Deletes those that were offered and that nobody has wanted since; for each whether it was. */
  drop(cids: readonly string[]): Promise<readonly boolean[]>;
}

/** Runs of this node's block store. All methods verify what they bring. */
export interface RunsPort extends CondemnedPort {
  readonly coded: CodedPort;
  /** For each block whether it is here. Whether it is whole shows when it is read. */
  haveBlocks(cids: readonly string[]): Promise<readonly boolean[]>;
  /** Brings blocks here from a node and syncs them. @throws `FS_BLOCK_MISSING`, `FS_FETCH_DAMAGED`. */
  ensureBlocks(cids: readonly string[], from: NodeId, signal: AbortSignal): Promise<void>;
  /**
   * Brings blocks here from whoever of the nodes has them, and syncs them; tells for each whether it is here then.
   * @throws `FS_DISK_FULL`, `FS_IO`.
   */
  takeBlocks(
    cids: readonly string[],
    from: readonly NodeId[],
    signal: AbortSignal,
  ): Promise<readonly boolean[]>;
  /** Reads blocks at a bounded rate; those that are damaged are set aside. @throws `FS_IO`. */
  verifyBlocks(cids: readonly string[]): Promise<BlocksVerified>;
  /** The same of the next blocks above that id. @throws `FS_IO`. */
  verifyStore(after: string): Promise<BlocksVerified>;
  /** Brings the run here from one of the nodes and syncs it, unless it is here already. @throws `FS_BLOCK_MISSING`. */
  ensure(run: RunPiece, from: readonly NodeId[], signal: AbortSignal): Promise<void>;
}

/** How handlers of an attempt reach the volume of its workflow. */
export interface VolumeAccess {
  readonly url: string;
  readonly workflow: string;
  readonly token: string;
  /** Where the volume is mounted on this machine, if it is. */
  readonly mount?: string | undefined;
}

/** Which attempt of which workflow. */
export interface AttemptNames {
  readonly group: number;
  readonly token: Token;
  /** The request's id as people see it. */
  readonly request: string;
}

/** Lets attempts that run here at the volumes of their workflows. */
export interface VolumesPort {
  /** For one attempt, until `close`; undefined when the node does not know the workflow. */
  open(attempt: AttemptNames): Promise<VolumeAccess | undefined>;
  /** Nothing more is read or written by that attempt. */
  close(access: VolumeAccess): void;
  /**
   * Of an attempt that is closed: makes ready that what it has written into its workspace is seen with its end.
   * Whether there is anything to be seen.
   * @throws {JobxError} `FS_ATTEMPT_OVER`, `COMMAND_TOO_LARGE`, and those of commands and reads.
   */
  prepare(access: VolumeAccess, signal: AbortSignal): Promise<boolean>;
}

/** Opens secrets for attempts that run here. */
export interface SecretsPort {
  /**
   * Their values by their names, of a workflow by its group.
   * @throws {JobxError} `SECRET_UNKNOWN`, `SECRET_UNREADABLE`, `FS_KEY_MISSING`, `NO_MAJORITY`.
   */
  open(group: number, names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** The private key, PKCS #8, that opens what was sealed for the workflow. @throws {JobxError} `FS_KEY_MISSING`, `NO_MAJORITY`. */
  unsealKey(group: number): Promise<Uint8Array>;
}

/** Runs handlers, off the control thread, so many at once as the node has slots; more wait in line. */
export interface RunnerPort {
  /** Units that have not begun, and all that still come, are given back. */
  beginNoMore(): void;
  /** Never rejects: what goes wrong is an outcome. An aborted one is `released`. */
  run(
    work: Work,
    context: {
      /** The workflow's group: its handlers share their workers with no other one's. */
      readonly group: number;
      /** R20: the workflow's, when the unit was granted. */
      readonly weight: number;
      /** R20: it need not wait for a slot, unless another one just does not either. */
      readonly isSpare: boolean;
      readonly token: Token;
      readonly request: string;
      readonly invocation: string;
      readonly step: string;
      /** How its handlers reach the workflow's volume. */
      readonly volume?: VolumeAccess | undefined;
      /** Those that its handlers name; undefined where they name none. */
      readonly secrets?: Readonly<Record<string, string>> | undefined;
      /** Where its mapper unseals. */
      readonly unsealKey?: Uint8Array | undefined;
      /**
       * The next datasets of a reduce unit's input, whose runs are here, or the first ones again;
       * undefined at the end.
       */
      readonly inputs: (again: boolean) => Promise<Dataset | undefined>;
      /** The source of a handler version. */
      readonly source: (version: string) => Promise<string>;
      readonly signal: AbortSignal;
    },
  ): Promise<WorkEnd>;
  /** Of an attempt that runs here, or ended a little ago while somebody read it. Rejects with a code. */
  output(wanted: OutputWanted): Promise<OutputSoFar | undefined>;
}
