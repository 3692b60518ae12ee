/** Who looks at simulated processes from outside. */
import type { PeerMessage } from "../../src/actors/ports.ts";
import type { NodeStore } from "../../src/node/node-store.ts";
import type { SimProcess } from "./host.ts";

/** Watches processes from outside. */
export interface HostWatch {
  /** A process is about to start with what its disk held. */
  opened(process: SimProcess, store: NodeStore): void;
  /** What a process hears, before it does. */
  heard(process: SimProcess, from: string, message: PeerMessage): void;
  /** What a process is sent and cannot read. */
  unreadable(process: SimProcess, from: string, error: Error): void;
  /** What a process says, before it leaves. */
  said(process: SimProcess, message: PeerMessage): void;
  /** An event happens in the process. */
  touched(process: SimProcess): void;
}
