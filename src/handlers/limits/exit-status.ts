import { constants } from "node:os";

/** Programs that start another one tell its end by a signal as a status above this. */
const BY_SIGNAL = 128;

/** The name of the signal that a status stands for by that habit; undefined for a plain one. */
export function signalOfStatus(code: number): string | undefined {
  const found = Object.entries(constants.signals).find(([, number]) => number === code - BY_SIGNAL);
  return found?.[0];
}
