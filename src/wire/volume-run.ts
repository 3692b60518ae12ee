/**
 * Handlers of one attempt may be run more than once, when what ended the first run may have been another unit's
 * doing. Each run begins with an empty hand (R17): its token says which one it is, and the node takes what an earlier
 * run has written for gone when it first hears of a later one.
 */
import type { VolumeAccess } from "./worker-protocol.ts";

/** Divides an attempt's token from the number of its run; in no token itself. */
const DIVIDER = ".";

/** The token of an attempt, and which of its runs says it, from 0 on; undefined for a number that is none. */
export function runOfToken(
  text: string,
): { readonly token: string; readonly run: number } | undefined {
  const at = text.lastIndexOf(DIVIDER);
  if (at < 0) return { token: text, run: 0 };
  const number = text.slice(at + 1);
  if (!/^[1-9][0-9]{0,8}$/u.test(number)) return undefined;
  return { token: text.slice(0, at), run: Number(number) };
}

/** How the next run of the same attempt reaches the volume. */
export function accessOfNextRun(access: VolumeAccess | undefined): VolumeAccess | undefined {
  const known = access && runOfToken(access.token);
  if (access === undefined || known === undefined) return access;
  return { ...access, token: `${known.token}${DIVIDER}${known.run + 1}` };
}
