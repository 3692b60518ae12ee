/** What a worker is started from. */
import type { ContainerSettings } from "../containers/settings.ts";
import type { Timers } from "../std/clock.ts";
import type { WorkerCodec } from "../wire/worker-protocol.ts";
import type { PlacedProgram } from "./program-store.ts";
import type { CageGround } from "./worker-cage.ts";
import type { WorkerNeed } from "./worker-key.ts";

/** What a worker is started from. */
export interface WorkerOptions {
  /** The first that it shall serve, and others that are started by the same. */
  readonly need: WorkerNeed;
  readonly directory: string;
  readonly mark: string;
  readonly timers: Timers;
  readonly ground: CageGround;
  readonly memoryBytes: number | undefined;
  readonly containers?: ContainerSettings | undefined;
  /** Its handler's own files, if it starts from them (`needsProgram`). */
  readonly program?: PlacedProgram | undefined;
  /** What is offered, all by default. */
  readonly codecs?: readonly WorkerCodec[] | undefined;
}
