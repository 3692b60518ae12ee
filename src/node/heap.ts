/** How V8 keeps the memory of this process. */
import { setFlagsFromString } from "node:v8";

/**
 * A heap may grow by so many percent of what lives in it before it is collected. By itself V8 lets it grow
 * to four times as much where the machine has memory to spare, which a node would take from its workers:
 * of the 560 MiB of a busy scheduler's heap 430 were garbage.
 */
export const HEAP_GROWTH_PERCENT = 100;

/**
 * From now on, for all threads of this process. V8 reads it anew after each collection. Buffers count like all
 * else that lives: by itself V8 collects the whole heap for every 64 MB of buffers that were made, which was a
 * third of the processor time of a node that sends or fetches blocks; peaks are some 60 MB higher.
 */
export function boundHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  setFlagsFromString("--external-memory-accounted-in-global-limit");
}
