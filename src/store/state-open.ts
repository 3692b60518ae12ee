/** Opens the database of applied states, or makes it. */
import { NO_BUGS } from "../std/planted-bugs.ts";
import { damagedError } from "./errors.ts";
import { STATE_MEMTABLE_BYTES } from "./limits.ts";
import { loadState, writeFirstStateBatch } from "./state-load.ts";
import { StateStore } from "./state-store.ts";
import type { StateReport, StateStoreOptions } from "./state-store-types.ts";

/**
 * Opens the `state/` database.
 * @throws `STORE_MISSING`, `STORE_LOCKED`, `STORE_DAMAGED` when it does not open at all or belongs
 * to another store, `STORE_VERSION_UNKNOWN`, `STORE_IO`, `STORE_DISK_FULL`.
 */
export async function openStateStore(
  options: StateStoreOptions,
): Promise<{ readonly store: StateStore; readonly report: StateReport }> {
  const {
    disk,
    storeId,
    create,
    cacheBytes,
    memtableBytes = STATE_MEMTABLE_BYTES,
    timers,
    bugs = NO_BUGS,
  } = options;
  const kv = create ? await disk.createKv("state") : await disk.openKv("state");
  try {
    if (create) await writeFirstStateBatch(kv, storeId);
    const found = await loadState(kv);
    if (found.base.storeId !== storeId)
      throw damagedError("the state database", "it belongs to another store");
    const damaged = [...found.damaged].map(([group, reason]) => ({ group, reason }));
    const { groups, damagedAll } = found;
    const store = new StateStore({ kv, storeId, cacheBytes, memtableBytes, timers, bugs }, found);
    return { store, report: { groups, damaged, damagedAll } };
  } catch (error) {
    await kv.close();
    throw error;
  }
}
