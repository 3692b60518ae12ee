/** What a data plane is started with. */
import type { ContainerSettings } from "../../containers/settings.ts";
import { type Machine, PLAIN_MACHINE } from "../../handlers/limits/report.ts";
import type { Log } from "../../std/log.ts";
import type { NodeId } from "../../wire/dataset.ts";
import type { OpenMessage } from "./messages.ts";
import type { FetchBlock } from "./run-fetcher.ts";

/** Bytes of a node's disk for objects that were fetched, unless its owner says otherwise. */
export const OBJECT_CACHE_BYTES: number = 4 * 1024 ** 3;

/** What a data plane is started with. */
export interface DataPlaneOptions {
  /** The node's directory; blocks and the workers' own directories are made below it. */
  readonly directory: string;
  readonly self: NodeId;
  /** Units that run at once. */
  readonly slots: number;
  /** Memory of an attempt whose handlers do not say, bytes; without it no limit. */
  readonly handlerMemoryBytes?: number | undefined;
  /** What this machine can limit; nothing by default. */
  readonly machine?: Machine | undefined;
  /** What containers are run with; without it none are. */
  readonly containers?: ContainerSettings | undefined;
  /** For requests over lists; without it no folders, and the usual budget. */
  readonly objects?: OpenMessage["objects"];
  /** False: blocks do not wait for the disk. Default true. */
  readonly sync?: boolean;
  readonly log: Log;
  /**
   * Asks another node for a block. The bytes need not be right: they are verified in the thread.
   * Its iterator is not asked for more than the thread takes.
   */
  readonly fetchBlock: FetchBlock;
  /** Closes the data plane without draining it. */
  readonly signal?: AbortSignal;
}

/** What its thread is opened with. */
export function threadOpening(options: DataPlaneOptions): Omit<OpenMessage, "kind" | "generation"> {
  const { directory, self, slots, handlerMemoryBytes, containers, sync = true } = options;
  const { machine = PLAIN_MACHINE } = options;
  const { objects = { folders: [], cacheBytes: OBJECT_CACHE_BYTES } } = options;
  return { directory, self, slots, handlerMemoryBytes, machine, containers, objects, sync };
}
