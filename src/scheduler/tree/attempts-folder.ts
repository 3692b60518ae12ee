/**
 * What attempts write into the workspaces of their requests waits here until they end: each below a name of
 * its own, which says its token, so that whoever finds it can tell whether the attempt still lives.
 */
import type { Token } from "../unit.ts";

/** The folder of the root in which attempts write. */
export const ATTEMPTS_FOLDER = ".attempts";

/** Of an attempt's folder: what it writes into the workspace. */
export const STAGED_FOLDER = "w";

/** Of an attempt's folder: what it moves out of the workspace with its end, each below a number. */
export const PUBLISHED_FOLDER = "p";

/** The name of an attempt's folder. */
export function attemptName({ index, ordinal }: Token): string {
  return `${index}-${ordinal}`;
}

/** The path of an attempt's folder. */
export function attemptPath(token: Token): string {
  return `${ATTEMPTS_FOLDER}/${attemptName(token)}`;
}

/** The token in a name of that folder; undefined for what somebody has put there by hand. */
export function tokenOfAttemptName(name: string): Token | undefined {
  const match = /^(?<index>0|[1-9][0-9]{0,15})-(?<ordinal>0|[1-9][0-9]{0,15})$/u.exec(name);
  if (match?.groups === undefined) return undefined;
  const { index, ordinal } = match.groups;
  const token = { index: Number(index), ordinal: Number(ordinal) };
  return Number.isSafeInteger(token.index) && Number.isSafeInteger(token.ordinal)
    ? token
    : undefined;
}
