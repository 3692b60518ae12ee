/**
 * Keys of a workflow's rows: ASCII, and ordered so that what is scanned together lies together.
 * The first letter names the kind of row and is never given to another kind.
 */
import { orderedNumber, readOrderedNumbers } from "../std/ordered-text.ts";
import type { Path, Token } from "./unit.ts";

/** Children whose results share one row: few enough that rewriting it for each stays cheap. */
export const BLOCK_CHILDREN = 32;

/** Order of ready work within a capability: what finishes something comes before what starts something. */
export type QueueClass = 0 | 1;

function place(request: number, path: Path): string {
  return orderedNumber(request) + path.map(orderedNumber).join("");
}

function token(at: Token): string {
  return orderedNumber(at.index) + orderedNumber(at.ordinal);
}

/** The workflow itself, counters and all. */
export const META_KEY = "m/";

/** Keys by kind of row. */
export const keys = {
  handler: (name: string): string => `h/${name}`,
  source: (version: string): string => `v/${version}`,
  step: (name: string): string => `s/${name}`,
  job: (name: string): string => `j/${name}`,
  plan: (revision: number): string => `p/${orderedNumber(revision)}`,
  request: (request: number): string => `r/${orderedNumber(request)}`,
  invocation: (request: number, path: Path): string => `i/${place(request, path)}`,
  block: (request: number, path: Path, block: number): string =>
    `b/${place(request, path)}/${orderedNumber(block)}`,
  /** Result of one child whose inline bytes are too many for its block. */
  result: (request: number, path: Path, child: number): string =>
    `c/${place(request, path)}/${orderedNumber(child)}`,
  queue: (capability: string, order: QueueClass, at: Token): string =>
    `q/${capability}/${order}${token(at)}`,
  delayed: (dueMs: number, at: Token): string => `d/${orderedNumber(dueMs)}${token(at)}`,
  parked: (request: number, at: Token): string => `z/${orderedNumber(request)}/${token(at)}`,
  attempt: (at: Token): string => `a/${token(at)}`,
  history: (request: number, at: Token): string => `f/${orderedNumber(request)}/${token(at)}`,
  /** Answer to a command, by where it entered the cluster. */
  answer: (node: string, boot: number, sequence: number): string =>
    `w/${node}/${orderedNumber(boot)}/${orderedNumber(sequence)}`,
  /** Answer to a command, by the client's own key. */
  keyed: (key: string): string => `k/${key}`,
} as const;

/** Prefixes to scan, each ending so that it matches one kind of row only. */
export const prefixes = {
  handlers: "h/",
  steps: "s/",
  jobs: "j/",
  requests: "r/",
  queue: "q/",
  delayed: "d/",
  attempts: "a/",
  parkedOf: (request: number): string => `z/${orderedNumber(request)}/`,
  historyOf: (request: number): string => `f/${orderedNumber(request)}/`,
  blocksOf: (request: number): string => `b/${orderedNumber(request)}`,
  blocksOfInvocation: (request: number, path: Path): string => `b/${place(request, path)}/`,
} as const;

/** The token that an attempt's key names. */
export function tokenOfAttemptKey(key: string): Token {
  const [index = 0, ordinal = 0] = readOrderedNumbers(key, 2);
  return { index, ordinal };
}

/** The capability in a queue row's key: what lies between the first two slashes. */
export function capabilityOfQueueKey(key: string): string {
  return key.slice(2, key.indexOf("/", 2));
}

/** Path and block number in a block row's key. */
export function placeOfBlockKey(key: string): { readonly path: Path; readonly block: number } {
  const slash = key.lastIndexOf("/");
  const [, ...path] = readOrderedNumbers(key.slice(0, slash), 2);
  const [block = 0] = readOrderedNumbers(key, slash + 1);
  return { path, block };
}
