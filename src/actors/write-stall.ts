/**
 * R11: while a write to a node's disk takes so long, the node asks for no work ahead, and then for none at
 * all, and what it schedules it grants to nobody, milliseconds. Each unit brings more to write, and a
 * leader whose disk stands still loses its place.
 */
export const SLOW_WRITE_MS = 250;
export const STALLED_WRITE_MS = 1_000;
