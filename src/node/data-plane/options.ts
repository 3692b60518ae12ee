/** What a data plane is started with. */

import type { ContainerSettings } from "../../containers/settings.ts";
import type { Machine } from "../../handlers/limits/report.ts";
import type { Log } from "../../std/log.ts";
import type { NodeId } from "../../wire/dataset.ts";
import type { FetchBlock } from "./run-fetcher.ts";

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
