/**
 * What the control thread and the data plane say to each other. Both run the same build, so there
 * is no version. Ids are odd when the control thread made them and even when the data plane did;
 * requests and streams share them.
 */

import type { BlocksVerified } from "../../actors/work-ports.ts";
import type { ContainerSettings } from "../../containers/settings.ts";
import type { BlockFacts } from "../../fs/block-store.ts";
import type { Chunking } from "../../fs/content/chunk.ts";
import type { CodedStripe, StripeToCode } from "../../fs/erasure/stripe.ts";
import type { Holders } from "../../fs/file-block-reader.ts";
import type { ChunkPart } from "../../fs/file-blocks.ts";
import type { PieceFile } from "../../fs/file-taking.ts";
import type { SealKey } from "../../fs/seal.ts";
import type { HandlerCheck, HandlerFile } from "../../handlers/handler-check.ts";
import type { Machine } from "../../handlers/limits/report.ts";
import type { OutputSoFar, OutputWanted } from "../../scheduler/output-so-far.ts";
import type {
  Cid,
  Dataset,
  NodeId,
  PieceSlice,
  RunPiece,
  Work,
  WorkEnd,
} from "../../wire/dataset.ts";
import type { Secrets, VolumeAccess } from "../../wire/worker-protocol.ts";
import type { Fault } from "./faults.ts";

/** Who a unit runs for, as its handlers are told. */
export interface UnitNames {
  readonly request: string;
  readonly invocation: string;
  readonly step: string;
}

/** A unit on its way to its handlers. */
export interface UnitToRun {
  readonly id: number;
  readonly work: Work;
  /** The group of its workflow. */
  readonly group: number;
  /** The workflow's against others. */
  readonly weight: number;
  readonly isSpare: boolean;
  readonly names: UnitNames;
  readonly volume: VolumeAccess | undefined;
  readonly secrets: Secrets | undefined;
  readonly unsealKey: Uint8Array | undefined;
  /** Names its attempt within the request. */
  readonly token: OutputWanted["token"];
}

/** How a unit ended. */
export interface UnitRan extends WorkEnd {
  readonly id: number;
}

/** How the thread is started. */
export interface OpenMessage {
  readonly kind: "open";
  /** Blocks are below it, and the directories of the workers. */
  readonly directory: string;
  readonly self: NodeId;
  readonly slots: number;
  /** Memory of an attempt whose handlers do not say, bytes; undefined for no limit. */
  readonly handlerMemoryBytes: number | undefined;
  /** What this machine can limit. */
  readonly machine: Machine;
  readonly containers: ContainerSettings | undefined;
  /** Folders of this machine that requests may name, and bytes of its disk for what is fetched for them. */
  readonly objects: { readonly folders: readonly string[]; readonly cacheBytes: number };
  /** False: blocks do not wait for the disk. */
  readonly sync: boolean;
  /** Counts the threads of this process: processes of an earlier one may still be dying. */
  readonly generation: number;
}

/** A flow of bytes in slices, either way. Whoever sends needs a credit for each slice. */
export type StreamMessage =
  | { readonly kind: "slice"; readonly stream: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "slices-end"; readonly stream: number }
  | { readonly kind: "slices-failed"; readonly stream: number; readonly fault: Fault }
  /** The reader has room for one more slice. */
  | { readonly kind: "credit"; readonly stream: number }
  /** The reader wants no more. */
  | { readonly kind: "stop"; readonly stream: number };

/** What the control thread wants; each but those that are answered by a stream is answered once. */
export type DataPlaneRequest =
  | CodedRequest
  /** Units that came in one turn of the loop. Each is answered by itself. */
  | { readonly kind: "run"; readonly units: readonly UnitToRun[] }
  | {
      readonly kind: "ensure-run";
      readonly id: number;
      readonly run: RunPiece;
      readonly from: readonly NodeId[];
    }
  | {
      readonly kind: "list-blocks";
      readonly id: number;
      readonly after: string;
      readonly limit: number;
    }
  | { readonly kind: "count-workers"; readonly id: number }
  | { readonly kind: "have-blocks"; readonly id: number; readonly cids: readonly Cid[] }
  | { readonly kind: "block-facts"; readonly id: number; readonly cids: readonly Cid[] }
  | { readonly kind: "condemn-blocks"; readonly id: number; readonly cids: readonly Cid[] }
  | { readonly kind: "delete-condemned"; readonly id: number; readonly cids: readonly Cid[] }
  | {
      readonly kind: "run-blocks";
      readonly id: number;
      readonly cid: Cid;
      readonly from: readonly NodeId[];
    }
  | {
      readonly kind: "ensure-blocks";
      readonly id: number;
      readonly cids: readonly Cid[];
      readonly from: NodeId;
    }
  | {
      readonly kind: "take-blocks";
      readonly id: number;
      readonly cids: readonly Cid[];
      readonly from: readonly NodeId[];
    }
  | { readonly kind: "verify-blocks"; readonly id: number; readonly cids: readonly Cid[] }
  | { readonly kind: "verify-store"; readonly id: number; readonly after: string }
  | { readonly kind: "check-handler"; readonly id: number; readonly file: HandlerFile }
  | { readonly kind: "read-output"; readonly id: number; readonly wanted: OutputWanted }
  /** The pairs come as a stream of the same number, each slice a JSON array of [key, value]. */
  | { readonly kind: "store-pairs"; readonly id: number }
  /**
   * The content comes as a stream of the same number, and a stream of the same number goes back: each slice is
   * a `StoredWindow` as JSON.
   */
  | {
      readonly kind: "store-content";
      readonly id: number;
      readonly chunking: Chunking;
      readonly sha256: boolean;
      readonly key: SealKey | undefined;
    }
  /** As `store-content`, of small files one after the other: a window for each, when all are durable. */
  | {
      readonly kind: "store-files";
      readonly id: number;
      readonly chunking: Chunking;
      readonly sizes: readonly number[];
      readonly key: SealKey | undefined;
    }
  /** Answered like these, by one window: pieces that are files of the same disk become blocks. */
  | { readonly kind: "take-files"; readonly id: number; readonly files: readonly PieceFile[] }
  /** Answered by a stream of the same number: the bytes. */
  | {
      readonly kind: "read-content";
      readonly id: number;
      readonly parts: readonly ChunkPart[];
      readonly holders: Holders;
      readonly key: SealKey | undefined;
    }
  /** Answered by a stream of the same number: the bytes of the block. */
  | { readonly kind: "read-block"; readonly id: number; readonly cid: Cid }
  /** Answered by a stream of the same number: each slice is a JSON array of [key, value]. */
  | { readonly kind: "read-pairs"; readonly id: number; readonly slices: readonly PieceSlice[] };

/** A request about blocks that come whole, those of stripes, and copies that are too many. */
export type CodedRequest =
  | { readonly kind: "store-blocks"; readonly id: number; readonly blocks: readonly Uint8Array[] }
  | {
      readonly kind: "code-stripes";
      readonly id: number;
      readonly stripes: readonly StripeToCode[];
    }
  | {
      readonly kind: "rebuild-blocks";
      readonly id: number;
      readonly stripe: CodedStripe;
      readonly cids: readonly Cid[];
      readonly from: readonly NodeId[];
    }
  | { readonly kind: "offer-blocks"; readonly id: number; readonly cids: readonly Cid[] }
  | { readonly kind: "drop-blocks"; readonly id: number; readonly cids: readonly Cid[] };

/** A request about the content of files. */
export type ContentRequest = Extract<
  DataPlaneRequest,
  { kind: "store-content" | "store-files" | "take-files" | "read-content" }
>;

/** A request whose kind has one answer, before it has a number. */
export type CallRequest =
  | CodedRequest
  | Extract<
      DataPlaneRequest,
      {
        kind:
          | "ensure-run"
          | "ensure-blocks"
          | "list-blocks"
          | "have-blocks"
          | "take-blocks"
          | "verify-blocks"
          | "verify-store"
          | "block-facts"
          | "condemn-blocks"
          | "delete-condemned"
          | "run-blocks"
          | "count-workers"
          | "check-handler"
          | "read-output"
          | "store-pairs";
      }
    >;

/** From the control thread to the data plane. */
export type ToDataPlane =
  | OpenMessage
  | DataPlaneRequest
  /** Gives a `run` or `ensure-run` up; it is answered all the same. */
  | { readonly kind: "abort"; readonly id: number; readonly reason: string }
  /** Units that have not begun are given back, and all that still come. */
  | { readonly kind: "begin-no-more" }
  | { readonly kind: "inputs"; readonly ask: number; readonly dataset: Dataset | undefined }
  | { readonly kind: "source"; readonly ask: number; readonly source: string }
  | { readonly kind: "ask-failed"; readonly ask: number; readonly fault: Fault }
  | { readonly kind: "close" }
  | StreamMessage;

/** An answer to a request that succeeded. */
export type DataPlaneAnswer =
  | { readonly kind: "ensured"; readonly id: number }
  | { readonly kind: "listed"; readonly id: number; readonly cids: readonly Cid[] }
  | {
      readonly kind: "counted";
      readonly id: number;
      readonly workers: number;
      readonly objectBytes: Readonly<Record<string, number>>;
    }
  | { readonly kind: "had"; readonly id: number; readonly here: readonly boolean[] }
  | ({ readonly kind: "verified"; readonly id: number } & BlocksVerified)
  | {
      readonly kind: "described";
      readonly id: number;
      readonly facts: readonly (BlockFacts | undefined)[];
    }
  | {
      readonly kind: "coded";
      readonly id: number;
      /** For each stripe its parity. */
      readonly parity: readonly (readonly Cid[])[];
    }
  | { readonly kind: "checked"; readonly id: number; readonly check: HandlerCheck }
  | {
      readonly kind: "output";
      readonly id: number;
      readonly output: OutputSoFar | undefined;
    }
  | { readonly kind: "stored"; readonly id: number; readonly dataset: Dataset };

/** From the data plane to the control thread. */
export type FromDataPlane =
  | { readonly kind: "opened" }
  | { readonly kind: "open-failed"; readonly fault: Fault }
  | DataPlaneAnswer
  /** Units that ended in one turn of the loop. */
  | { readonly kind: "ran"; readonly units: readonly UnitRan[] }
  | { readonly kind: "failed"; readonly id: number; readonly fault: Fault }
  /** The next input of the unit `id` is wanted, or the first one again. */
  | {
      readonly kind: "ask-inputs";
      readonly id: number;
      readonly ask: number;
      readonly again: boolean;
    }
  | {
      readonly kind: "ask-source";
      readonly id: number;
      readonly ask: number;
      readonly version: string;
    }
  /** A block of another node is wanted, as the stream of this number. */
  | {
      readonly kind: "ask-block";
      readonly stream: number;
      readonly node: NodeId;
      readonly cid: Cid;
    }
  | { readonly kind: "closed" }
  | StreamMessage;
