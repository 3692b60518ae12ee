/**
 * Which runs of the block store a workflow's rows lead to. Files are not asked here: each of their blocks has
 * a row of its own (`fs-block`). Handlers' sources, what attempts print, and named units are in their rows.
 */
import type { Cid, Dataset } from "../../scheduler/dataset.ts";
import type { Row } from "../../scheduler/rows.ts";

/** All keys of rows that may have datasets begin with one of these. */
export const DATASET_PREFIXES = ["L/", "b/", "c/", "g/", "i/", "r/"] as const;

/** Lists of runs that the row names; with repetitions. */
export function runsOf(row: Row): readonly Cid[] {
  return datasetsOf(row).flatMap((dataset) =>
    dataset.flatMap((piece) => (piece.kind === "run" ? [piece.cid] : [])),
  );
}

function datasetsOf(row: Row): readonly Dataset[] {
  switch (row.kind) {
    case "request":
      return row.result === undefined ? [row.arguments] : [row.arguments, row.result];
    case "invocation":
      return [row.data, row.session];
    case "block":
      return row.stretches.flatMap(({ children }) =>
        children.flatMap(({ data }) => (data === undefined ? [] : [data])),
      );
    case "result":
    case "segment":
      return [row.data];
    case "answer-block":
    case "answer-window":
    case "attempt":
    case "closed":
    case "delayed":
    case "ended":
    case "expiry":
    case "fs-block":
    case "fs-content":
    case "fs-directory":
    case "fs-entry":
    case "fs-file":
    case "fs-history":
    case "fs-index":
    case "fs-retention":
    case "fs-part":
    case "fs-pin":
    case "fs-prepared":
    case "fs-snapshot":
    case "fs-stripe":
    case "fs-symlink":
    case "fs-volume":
    case "history":
    case "kept":
    case "keyed":
    case "meta":
    case "named-counts":
    case "named-index":
    case "named-unit":
    case "parked":
    case "pins":
    case "plan":
    case "printed":
    case "queue-range":
    case "queue-unit":
    case "remake":
    case "removal":
    case "retained":
    case "source":
    case "starved":
    case "void":
      return [];
  }
}
