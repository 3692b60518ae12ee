/** A state store on a fake disk, with one group or none, and what is in it. */
import { seededRandom } from "../../src/std/random.ts";
import { STATE_MEMTABLE_BYTES } from "../../src/store/limits.ts";
import { openStateStore } from "../../src/store/state-open.ts";
import type { StateStore } from "../../src/store/state-store.ts";
import type { StateReport, StateRow } from "../../src/store/state-store-types.ts";
import { FakeDisk } from "./fake-disk.ts";
import { AT_ONCE } from "./fake-timers.ts";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
export const row = (key: string, value: string): StateRow => ({ key, value: bytes(value) });
export const START = { index: 0, term: 0, note: new Uint8Array() };
export const SNAPSHOT = { snapshot: "one", index: 9 };
export const ALL = { prefix: "", limit: 1000, bytesMax: 1 << 20 };

export function open(
  disk: FakeDisk,
  options: {
    readonly create?: boolean;
    readonly cacheBytes?: number;
    readonly memtableBytes?: number;
  } = {},
): Promise<{ readonly store: StateStore; readonly report: StateReport }> {
  const { create = false, cacheBytes = 1 << 20, memtableBytes = STATE_MEMTABLE_BYTES } = options;
  return openStateStore({
    disk,
    storeId: "s1",
    create,
    cacheBytes,
    memtableBytes,
    timers: AT_ONCE,
  });
}

export async function fresh(
  cacheBytes = 1 << 20,
): Promise<{ readonly disk: FakeDisk; readonly store: StateStore }> {
  const disk = new FakeDisk({ random: seededRandom(1) });
  const { store } = await open(disk, { create: true, cacheBytes });
  await store.createGroup("a", START);
  return { disk, store };
}

export async function rowsOf(store: StateStore, group: string): Promise<string[]> {
  const rows: string[] = [];
  let gte: string | undefined;
  for (;;) {
    const page = await store.scan(group, { ...ALL, gte, limit: 3 });
    for (const { key, value } of page.rows) rows.push(`${key}=${text(value)}`);
    const last = page.rows.at(-1);
    if (!page.more || last === undefined) return rows;
    gte = `${last.key}\u0000`;
  }
}
