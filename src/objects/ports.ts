/** What lists of objects need from outside: each kind of source lists and opens its own. */
import type { ObjectRef, ObjectSource } from "../wire/object-source.ts";

/** The source or object of one kind. */
export type OfType<T extends { readonly type: string }, K extends T["type"]> = Extract<
  T,
  { readonly type: K }
>;

/** An object that is open. */
export interface OpenedObject {
  /** To be read to the end or returned. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Undefined where nobody tells before the end. */
  readonly bytes: number | undefined;
  /** As `ObjectRef.version`. */
  readonly version: string | undefined;
}

/** What a reader has come to in its list. */
export interface Listed<T> {
  /** The place, to go on after. */
  readonly at: string;
  /** Undefined where what was passed is not wanted: so that a long way through it gets on too. */
  readonly object: T | undefined;
}

/** Names that are passed, at most, before a reader says where it is. */
export const PASSED_UNTOLD = 1_000;

/** How objects of one kind are reached. */
export interface ObjectReader<K extends ObjectSource["type"] = ObjectSource["type"]> {
  /**
   * Objects in one order that does not change, after the one at `after`.
   * @throws {JobxError} `OBJECT_LIST_FAILED`.
   */
  list(
    source: OfType<ObjectSource, K>,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<Listed<OfType<ObjectRef, K>>>;
  /**
   * `known`: a version that is here already; undefined is answered where the content is still that.
   * @throws {JobxError} `OBJECT_MISSING`, `OBJECT_FETCH_FAILED`.
   */
  open(
    object: OfType<ObjectRef, K>,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<OpenedObject | undefined>;
}

/** A reader for each kind. */
export type ObjectReaders = {
  readonly [K in ObjectSource["type"]]: ObjectReader<K>;
};
