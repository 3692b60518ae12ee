/** Who looks at simulated processes from outside. */
import type { PeerMessage } from "../../src/actors/ports.ts";
import type { RunnerPort } from "../../src/actors/work-ports.ts";
import type { NodeStore } from "../../src/node/node-store.ts";

/** What a runner is told of an attempt. */
export type Running = Pick<Parameters<RunnerPort["run"]>[1], "group" | "token" | "signal">;

/** Watches processes from outside. */
export interface HostWatch<Process> {
  /** A process is about to start with what its disk held. */
  opened(process: Process, store: NodeStore): void;
  /** What a process hears, before it does. */
  heard(process: Process, from: string, message: PeerMessage): void;
  /** A process has heard that, and has done what it does at once. */
  followed(process: Process, message: PeerMessage): void;
  /** An attempt comes to a process's handlers. @returns what is to be called at its end. */
  runs(process: Process, attempt: Running): () => void;
  /** The collector of a process deletes a block. */
  deleting(process: Process, cid: string): void;
  /** What a process is sent and cannot read. */
  unreadable(process: Process, from: string, error: Error): void;
  /** What a process says, before it leaves. */
  said(process: Process, message: PeerMessage): void;
  /** An event happens in the process. */
  touched(process: Process): void;
}
