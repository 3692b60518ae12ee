/**
 * Requests whose input is a list of objects (R18). The root invocation is no handler's call: it lists. Each of
 * its attempts lists on from where the last one that was committed ended, and the range of its children grows by
 * what that found. So children run while the list is still read, and when the node that lists dies another one
 * goes on: what was found is committed with the place to go on from, or not at all.
 *
 * O1: the root has children `0` to `childCount - 1`, and each has its pair in one segment row.
 * O2: the root is reduced when its list is closed and all of its children are done.
 */

/** What the mapper of an object is given. */
export type ObjectForm = "path" | "lines" | "ndjson" | "bytes" | "csv" | "keyed";

/** How objects are packed; `auto` tells by the end of their names. */
export type ObjectCompression = "auto" | "none" | "gz" | "xz" | "zst" | "bz2";

/** What becomes of a request of which an object cannot be had. */
export type UnavailablePolicy = "fail" | "skip";

/** How the objects of a request reach its mapper. */
export interface ObjectInput {
  readonly form: ObjectForm;
  readonly compression: ObjectCompression;
  /** Objects that a node fetches at once for one step of the request, 1 to `FETCH_AHEAD_MAX`. */
  readonly ahead: number;
  readonly unavailable: UnavailablePolicy;
}

/** Objects that a node fetches at once for one step: more gain little and hold room for what is not wanted yet. */
export const FETCH_AHEAD_MAX = 64;

/**
 * Children whose pairs share a segment row, and the most that one attempt lists: a page of S3 has 1,000. A
 * multiple of `BLOCK_CHILDREN`, so that what is granted at once lies in one segment.
 */
export const SEGMENT_CHILDREN = 1024;

/** Children that are listed before others have ended: beyond that, listing waits until those are handed out. */
export const LISTED_AHEAD = 4096;

/** Characters of the place where the next attempt goes on: a name in S3 has up to 1,024 bytes. */
export const CURSOR_LENGTH_MAX = 16 * 1024;

/** How far a list is. */
export interface Listing {
  /** Where it goes on; opaque here, empty at the beginning. */
  readonly cursor: string;
  /** Nothing comes after what is there. */
  readonly closed: boolean;
}

/** Before anything was listed. */
export const LISTING_BEGUN: Listing = { cursor: "", closed: false };

/** Codes of failures that mean that an object cannot be had, to which a request's own policy applies. */
export const OBJECT_UNAVAILABLE_CODES: ReadonlySet<string> = new Set([
  "OBJECT_MISSING",
  "OBJECT_FETCH_FAILED",
  "OBJECT_DAMAGED",
]);
