/** Sizes that several files of this folder, and the fake disk, must agree on. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Length of a mark file: two sectors, so that a torn write leaves the other one whole. */
export const MARK_FILE_BYTES = 1024;

/** Half of a mark file: what a disk writes as one. */
export const MARK_SLOT_BYTES = 512;

/** LevelDB's write buffer of `log/`. Every batch there is synced, so it may rotate whenever it likes. */
export const LOG_MEMTABLE_BYTES = 8 * MIB;

/**
 * LevelDB's write buffer of `state/`. Larger means fewer checkpoints and a longer replay after a
 * crash; at 16 MiB a replay takes well under a second.
 */
export const STATE_MEMTABLE_BYTES = 16 * MIB;

/**
 * Files of `state/` that LevelDB keeps open. Tables are of 2 MiB and mapped into memory, so this bounds what
 * of a large state is resident there: 180 MiB. LevelDB's own default would map 2 GB.
 */
export const STATE_OPEN_FILES = 100;

/** Rows and bytes of a page, where a whole range is read: holds the control thread for about 2 ms. */
export const PAGE_ROWS = 1000;
export const PAGE_BYTES = MIB;

/** Deletions in one batch of cleaning up; more would be felt by the batch that waits behind it. */
export const SWEEP_KEYS = 4096;
