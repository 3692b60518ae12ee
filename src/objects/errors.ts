/** What can go wrong with objects of a list. */
import { JobxError } from "../std/errors.ts";

/** One member for each code. `object`: its name. */
export type ObjectErrorDetails =
  /** A source, or a place to go on from, that the node cannot make sense of. */
  | { readonly code: "OBJECT_SOURCE_INVALID" }
  /** The list cannot be read. `source`: where it is. */
  | { readonly code: "OBJECT_LIST_FAILED"; readonly source: string }
  | { readonly code: "OBJECT_MISSING"; readonly object: string }
  | { readonly code: "OBJECT_FETCH_FAILED"; readonly object: string }
  /** It is there, and cannot be unpacked or read as what it is declared, or is larger than objects may be. */
  | { readonly code: "OBJECT_DAMAGED"; readonly object: string }
  /** The machine has no program that unpacks it. */
  | { readonly code: "OBJECT_NO_PROGRAM"; readonly object: string }
  /** The node has no room for it. */
  | { readonly code: "OBJECT_NO_ROOM"; readonly object: string };

/** An operating error of this folder. */
export class ObjectError extends JobxError<ObjectErrorDetails> {}

/** What an error says, for a message around it. */
export function saying(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  // `fetch` tells nothing itself: what went wrong is its cause.
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
