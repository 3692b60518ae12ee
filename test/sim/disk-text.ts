/** Whether a power failure took anything from a disk. */
import { crc32 } from "node:zlib";
import type { FakeDisk } from "../lib/fake-disk.ts";
import { SortedRows } from "../lib/sorted-rows.ts";

/** A text that differs when a database's rows do. */
export function diskText(disk: FakeDisk): string {
  let sum = 0;
  for (const name of ["log", "state"] as const) {
    const rows = rowsOf(disk, name);
    for (let at = 0; at < rows.size; at++) {
      const key = rows.keyAt(at) ?? "";
      sum = crc32(rows.get(key) ?? key, crc32(key, sum));
    }
  }
  return `${sum}`;
}

function rowsOf(disk: FakeDisk, name: "log" | "state"): SortedRows {
  try {
    return disk.database(name).rows;
  } catch {
    // The first start has not come so far.
    return new SortedRows();
  }
}
