/** What applying tells the node that leads: work that appeared, attempts that began or ended. */
import type { NodeId } from "./dataset.ts";
import type { NamedHolder, NamedRef } from "./named/rows.ts";
import type { AttemptRow, HistoryRow, QueueRow, RequestRow, RequestState } from "./rows.ts";
import type { NamedPlace } from "./tree/rows.ts";
import type { Token, UnitRef } from "./unit.ts";

export type Effect =
  /** A queue row was written. */
  | { readonly kind: "queued"; readonly key: string; readonly row: QueueRow }
  /** A queue row is gone. */
  | { readonly kind: "unqueued"; readonly key: string }
  /** A row was not set aside, since its request runs again: it waits to be granted as before. */
  | { readonly kind: "still-queued"; readonly key: string }
  /** A unit waits until `dueMs`, by the stamp's clock. */
  | { readonly kind: "delayed"; readonly key: string; readonly dueMs: number }
  | { readonly kind: "undelayed"; readonly key: string }
  /** R26: what a unit had made is lost on all nodes, so it is ready once more. */
  | { readonly kind: "run-again"; readonly unit: UnitRef; readonly step: string }
  /** Attempts of one grant; `token` is that of the first. */
  | { readonly kind: "granted"; readonly token: Token; readonly attempt: AttemptRow }
  /** The grant found its unit gone, taken, or its request not running. */
  | {
      readonly kind: "grant-refused";
      readonly queueKey: string;
      readonly node: NodeId;
      readonly count: number;
      readonly why: "gone" | "not-running" | "other-child";
    }
  | {
      readonly kind: "attempt-ended";
      readonly token: Token;
      readonly node: NodeId;
      readonly unit: UnitRef;
      readonly step: string;
      /** What was said of it; nobody may have wanted it any more. */
      readonly how: HistoryRow["how"];
    }
  | {
      readonly kind: "request-changed";
      readonly request: number;
      readonly state: RequestState;
      readonly row: RequestRow;
    }
  /** In-flight attempts of the request are to be cancelled. */
  | { readonly kind: "request-ended"; readonly request: number }
  /** The request was paused and is not any more: its parked rows go back, or away if it has ended. */
  | { readonly kind: "request-resumed"; readonly request: number }
  /** The request is gone; what lies under it is to be deleted. */
  | { readonly kind: "request-removed"; readonly request: number }
  /** The definitions were replaced; their revision now, and what is said of the workflow. */
  | {
      readonly kind: "defined";
      readonly revision: number;
      readonly description: string;
      readonly weight: number;
    }
  /** Rows of the indexes of named units that came or went: ready ones, and those with a time. */
  | { readonly kind: "named-ready" | "named-unready" | "named-undue"; readonly key: string }
  | { readonly kind: "named-due"; readonly key: string; readonly dueMs: number }
  | {
      readonly kind: "named-granted";
      readonly ref: NamedRef;
      readonly token: Token;
      readonly holder: NamedHolder;
    }
  /** Inodes that came, changed or went, and names that lead elsewhere, by one command. */
  | {
      readonly kind: "tree-changed";
      readonly revision: number;
      readonly inodes: readonly number[];
      readonly entries: readonly NamedPlace[];
    }
  /** Something of the tree was removed and has rows to sweep. */
  | { readonly kind: "tree-sweep" };
