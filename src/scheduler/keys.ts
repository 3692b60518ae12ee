/**
 * Keys of a workflow's rows: ASCII, and ordered so that what is scanned together lies together.
 * The first letter names the kind of row and is never given to another kind.
 * Capitals are those of named units (`named/keys.ts`), F of the tree of files and L of lists.
 */
import { orderedNumber, readOrderedNumbers } from "../std/ordered-text.ts";
import type { BadEndKind } from "./rows.ts";
import type { Path, Token, UnitRef } from "./unit.ts";

/** Children whose results share one row: few enough that rewriting it for each stays cheap. */
export const BLOCK_CHILDREN = 32;

/**
 * Ordinals that a command has for itself, so that each attempt that it makes and each unit that it
 * makes ready has a place of its own in the log. The bound of what one command grants or ends.
 */
export const COMMAND_ORDINALS = 64;

/** Order of ready work within a capability: what finishes something comes before what starts something. */
export type QueueClass = 0 | 1;

/** Results of children lie part by part, in the children's order, so that one scan reads one part. */
export interface ResultPlace {
  readonly part: number;
  readonly child: number;
  /** Which of the units that reduce the child; 0 where it is one. */
  readonly unit: number;
}

function place(request: number, path: Path): string {
  return orderedNumber(request) + path.map(orderedNumber).join("");
}

function token(at: Token): string {
  return orderedNumber(at.index) + orderedNumber(at.ordinal);
}

/**
 * What attempts of a unit that ended well begin with. Those of the units that have one parent lie together:
 * its children in their order, then its own reductions by part; so a page of them is one scan.
 */
function historyOfUnit(unit: UnitRef): string {
  const { request, path } = unit;
  if (unit.kind === "reduce") return `f/${place(request, path)}/r${orderedNumber(unit.part)}`;
  const child = path.at(-1);
  if (child === undefined) return `f/${orderedNumber(request)}.`;
  return `f/${place(request, path.slice(0, -1))}/m${orderedNumber(child)}`;
}

/** Rows of one kind lie together. */
const BAD_ENDS: Readonly<Record<BadEndKind, number>> = { final: 0, retried: 1, released: 2 };

/** The workflow itself, counters and all. */
export const META_KEY = "m/";

/** That the workflow is closed, for ever. */
export const CLOSED_KEY = "l/";

/** Finished requests, counted. */
export const RETAINED_KEY = "y/";

/** Keys by kind of row. */
export const keys = {
  source: (version: string): string => `v/${version}`,
  plan: (revision: number): string => `p/${orderedNumber(revision)}`,
  request: (request: number): string => `r/${orderedNumber(request)}`,
  invocation: (request: number, path: Path): string => `i/${place(request, path)}`,
  /** R18: pairs of the children of a request that lists. */
  segment: (request: number, segment: number): string =>
    `L/${orderedNumber(request)}/${orderedNumber(segment)}`,
  block: (request: number, path: Path, block: number): string =>
    `b/${place(request, path)}/${orderedNumber(block)}`,
  /** What a child's unit made of one part, where that is not in the child's block; see `ResultPlace`. */
  result: (request: number, path: Path, of: ResultPlace): string =>
    `c/${place(request, path)}/${orderedNumber(of.part)}/${orderedNumber(of.child)}${orderedNumber(of.unit)}`,
  /** Comes before what the child's units made of that part. */
  void: (request: number, path: Path, of: Omit<ResultPlace, "unit">): string =>
    `c/${place(request, path)}/${orderedNumber(of.part)}/${orderedNumber(of.child)}`,
  /** What one of several units that reduce the root has made. */
  output: (request: number, part: number): string =>
    `g/${orderedNumber(request)}/${orderedNumber(part)}`,
  /** `part` tells the units that one command made from each other. */
  queue: (capability: string, order: QueueClass, at: Token, part: number): string =>
    `q/${capability}/${order}${token(at)}${orderedNumber(part)}`,
  delayed: (dueMs: number, at: Token): string => `d/${orderedNumber(dueMs)}${token(at)}`,
  /** Keeps the queue row's own key, so that it returns to its place. */
  parked: (request: number, queueKey: string): string =>
    `z/${orderedNumber(request)}/${queueKey.slice(2)}`,
  attempt: (at: Token): string => `a/${token(at)}`,
  /** An attempt that ended well. */
  history: (unit: UnitRef, at: Token): string => `${historyOfUnit(unit)}${token(at)}`,
  /** One that did not; a place is used again when newer ones of its kind have gone round. */
  badEnd: (request: number, kind: BadEndKind, place: number): string =>
    `h/${orderedNumber(request)}/${orderedNumber(BAD_ENDS[kind])}${orderedNumber(place)}`,
  /** What an attempt printed; a place is used again when newer ones have gone round. */
  printed: (request: number, place: number): string =>
    `o/${orderedNumber(request)}/${orderedNumber(place)}`,
  /** R26: that a unit which is over runs again. */
  remake: (unit: UnitRef): string =>
    `s/${orderedNumber(unit.request)}/${unit.kind === "map" ? "m" : `r${orderedNumber(unit.part)}`}${unit.path.map(orderedNumber).join("")}`,
  /** A unit of the request that waits for such; `at` is where it was delayed. */
  starved: (request: number, at: Token): string => `s/${orderedNumber(request)}/w${token(at)}`,
  /** Which answers to commands that entered the cluster at a node are kept. */
  answerWindow: (node: string): string => `w/${node}/`,
  answerBlock: (node: string, boot: number, block: number): string =>
    `w/${node}/${orderedNumber(boot)}${orderedNumber(block)}`,
  /** Answer to a command, by the client's own key. */
  keyed: (key: string): string => `k/${key}`,
  /** When the answer under a row key `keyed` was given: the oldest comes first. */
  expiry: (stampMs: number, keyedKey: string): string => `e/${orderedNumber(stampMs)}${keyedKey}`,
  /** Finished requests in the order of their end. */
  ended: (endedMs: number, request: number): string =>
    `t/${orderedNumber(endedMs)}${orderedNumber(request)}`,
  kept: (name: string): string => `u/${name}`,
  removal: (request: number): string => `x/${orderedNumber(request)}`,
  planPins: (revision: number): string => `j/${orderedNumber(revision)}`,
  sourcePins: (version: string): string => `n/${version}`,
} as const;

/** Prefixes to scan, each ending so that it matches one kind of row only. */
export const prefixes = {
  requests: "r/",
  ended: "t/",
  expiries: "e/",
  removals: "x/",
  queue: "q/",
  queueOf: (capability: string): string => `q/${capability}/`,
  delayed: "d/",
  attempts: "a/",
  parked: "z/",
  parkedOf: (request: number): string => `z/${orderedNumber(request)}/`,
  historyOf: (request: number): string => `f/${orderedNumber(request)}`,
  badEndsOf: (request: number): string => `h/${orderedNumber(request)}/`,
  badEndsOfKind: (request: number, kind: BadEndKind): string =>
    `h/${orderedNumber(request)}/${orderedNumber(BAD_ENDS[kind])}`,
  historyOfUnit,
  /** Invocations that have mapped or are reduced, each before those under it. */
  invocationsOf: (request: number): string => `i/${orderedNumber(request)}`,
  printedOf: (request: number): string => `o/${orderedNumber(request)}/`,
  blocksOf: (request: number): string => `b/${orderedNumber(request)}`,
  /** One part of the results of an invocation's children. */
  resultsOf: (request: number, path: Path, part: number): string =>
    `c/${place(request, path)}/${orderedNumber(part)}/`,
  blocksOfInvocation: (request: number, path: Path): string => `b/${place(request, path)}/`,
} as const;

/** The token that an attempt's key names. */
export function tokenOfAttemptKey(key: string): Token {
  const [index = 0, ordinal = 0] = readOrderedNumbers(key, 2);
  return { index, ordinal };
}

/** The number in a request's key. */
export function requestOfRequestKey(key: string): number {
  return readOrderedNumbers(key, 2)[0] ?? 0;
}

/** Where in the log the unit under a delayed key was delayed. */
export function positionOfDelayedKey(key: string): Token {
  const [, index = 0, ordinal = 0] = readOrderedNumbers(key, 2);
  return { index, ordinal };
}

/** When the unit under a delayed key is due, by the clock of the entries' stamps. */
export function dueMsOfDelayedKey(key: string): number {
  return readOrderedNumbers(key, 2)[0] ?? 0;
}

/** The capability in a queue row's key: what lies between the first two slashes. */
export function capabilityOfQueueKey(key: string): string {
  return key.slice(2, key.indexOf("/", 2));
}

/** The queue row's key that a parked row's key keeps. */
export function queueKeyOfParked(key: string): string {
  return `q/${key.slice(key.indexOf("/", 2) + 1)}`;
}

/** The request whose row a parked key names. */
export function requestOfParkedKey(key: string): number {
  return readOrderedNumbers(key.slice(0, key.indexOf("/", 2)), 2)[0] ?? 0;
}

/** The way from the root in an invocation row's key. */
export function pathOfInvocationKey(key: string): Path {
  return readOrderedNumbers(key, 2).slice(1);
}

/** Path and block number in a block row's key. */
export function placeOfBlockKey(key: string): { readonly path: Path; readonly block: number } {
  const slash = key.lastIndexOf("/");
  const [, ...path] = readOrderedNumbers(key.slice(0, slash), 2);
  const [block = 0] = readOrderedNumbers(key, slash + 1);
  return { path, block };
}

/** The child that a result's key names, and its unit; a void row names none. */
export function placeOfResultKey(key: string): {
  readonly child: number;
  readonly unit: number | undefined;
} {
  const [child = 0, unit] = readOrderedNumbers(key, key.lastIndexOf("/") + 1);
  return { child, unit };
}

/** First letters of the rows that lie under a request, besides its own row. */
const UNDER_REQUEST = ["i/", "b/", "c/", "g/", "f/", "h/", "o/", "s/", "z/", "L/"] as const;

/** Prefixes of all rows that lie under a request. */
export function prefixesUnder(request: number): readonly string[] {
  return UNDER_REQUEST.map((letter) => letter + orderedNumber(request));
}

/** Whether a key lies under the request: numbers in keys are prefix-free. */
export function isUnder(key: string, request: number): boolean {
  return prefixesUnder(request).some((prefix) => key.startsWith(prefix));
}

/** The end and the number of the request that an `ended` key names. */
export function placeOfEndedKey(key: string): {
  readonly endedMs: number;
  readonly request: number;
} {
  const [endedMs = 0, request = 0] = readOrderedNumbers(key, 2);
  return { endedMs, request };
}

/** The request that a removal's key names. */
export function requestOfRemovalKey(key: string): number {
  return readOrderedNumbers(key, 2)[0] ?? 0;
}

/** When the answer under the keyed row was given, and that row's key. */
export function placeOfExpiryKey(key: string): {
  readonly stampMs: number;
  readonly keyedKey: string;
} {
  const at = key.indexOf("k/", 2);
  const [stampMs = 0] = readOrderedNumbers(key.slice(0, at), 2);
  return { stampMs, keyedKey: key.slice(at) };
}
