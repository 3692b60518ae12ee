/**
 * R19: named units. A unit belongs to a spec and is known by a key of its own, arbitrary bytes; there may
 * be millions. One row is the unit; the others are indexes, which hold nothing, and the counts of a spec.
 */
import type { NodeId } from "../dataset.ts";
import type { Token } from "../unit.ts";

/** A spec is named as a step is; the key is 1 to `NAMED_KEY_BYTES_MAX` bytes. */
export interface NamedRef {
  readonly spec: string;
  readonly key: Uint8Array;
}

/** Bytes of a unit's key; in hexadecimal it fits the keys of all its rows. */
export const NAMED_KEY_BYTES_MAX = 512;

/** Bytes of what a unit carries; more belongs into a dataset that it names. */
export const NAMED_DATA_BYTES_MAX = 64 * 1024;

/**
 * `waiting` for its time, `ready`, `held` by somebody, `finished` or `failed`. Only `held` units have a
 * token, and only with it may their holder speak of them (R16).
 */
export type NamedState = "waiting" | "ready" | "held" | "finished" | "failed";

/** Who holds a unit. What a node's executor holds is taken back when the node is gone; a worker that is no node keeps to a deadline. */
export type NamedHolder =
  | { readonly kind: "node"; readonly node: NodeId; readonly executor: string }
  | { readonly kind: "worker"; readonly worker: string; readonly deadlineMs: number };

/** Where a unit stands. */
export type NamedStand =
  | { readonly kind: "waiting"; readonly notBeforeMs: number }
  | { readonly kind: "ready" }
  | { readonly kind: "held"; readonly token: Token; readonly holder: NamedHolder }
  | { readonly kind: "finished"; readonly endedMs: number }
  | { readonly kind: "failed"; readonly endedMs: number };

/** The unit itself. */
export interface NamedUnitRow {
  readonly kind: "named-unit";
  /** Finite; the highest is granted first, equal ones by key. */
  readonly priority: number;
  readonly stand: NamedStand;
  readonly data: Uint8Array;
  /** How often it was granted. */
  readonly grants: number;
}

/** Says only that a key is there: in an index, the key tells all. */
export interface NamedIndexRow {
  readonly kind: "named-index";
}

/** Units of a spec by state; the row is there while there are any. */
export interface NamedCountsRow extends Readonly<Record<NamedState, number>> {
  readonly kind: "named-counts";
}

export type NamedRow = NamedUnitRow | NamedIndexRow | NamedCountsRow;
