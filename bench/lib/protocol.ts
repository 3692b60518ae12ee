/** What the benchmarks ask of a node that they run in a process of its own, and what it answers. */
import type { NodeConfig } from "../../src/node/config/config.ts";
import type { NamedResult } from "./named-loop.ts";

/** What a loop of proposals came to. */
export interface LoopResult {
  readonly operations: number;
  readonly elapsedMs: number;
  /** Processor time of this process in the loop, milliseconds. */
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Entries that the operations took in the log. */
  readonly entries: number;
}

export type NodeAsk =
  | { readonly kind: "start"; readonly config: NodeConfig }
  /** Which group a workflow has, and whether this node schedules it. */
  | { readonly kind: "where"; readonly workflow: string }
  /** A closed loop of `proposers` for so long, at this replica, which must lead. */
  | {
      readonly kind: "propose";
      readonly group: number;
      readonly proposers: number;
      readonly bytes: number;
      readonly warmMs: number;
      readonly measureMs: number;
    }
  /** One command, brought to whoever leads, as the API does it. */
  | { readonly kind: "commit"; readonly group: number; readonly deadlineMs: number }
  /** So many named units are added, their time comes, or they are granted and ended, at this replica, which must lead. */
  | { readonly kind: NamedStep; readonly group: number; readonly units: number }
  | { readonly kind: "profile-start" }
  | { readonly kind: "profile-stop"; readonly file: string };

export type NodeAnswer =
  | { readonly kind: "started"; readonly id: string; readonly api: string }
  | {
      readonly kind: "placed";
      readonly group: number;
      readonly leads: boolean;
      readonly appliedIndex: number;
      readonly voters: number;
    }
  | { readonly kind: "proposed"; readonly loop: LoopResult }
  | { readonly kind: "named"; readonly result: NamedResult }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string };

/** Questions and answers as they go between the processes. */
export interface Numbered<Body> {
  readonly number: number;
  readonly body: Body;
}

/** Both ends are this program, so the number is all that is looked at. */
export function isNumbered<Body>(value: unknown): value is Numbered<Body> {
  return typeof value === "object" && value !== null && "number" in value && "body" in value;
}

/** What is done with named units, in this order. */
export type NamedStep = "named-add" | "named-ripen" | "named-drain";
