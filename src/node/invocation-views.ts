/** Invocations as the API shows them, made of the rows that tell about them. Pure. */
import { createHash } from "node:crypto";
import type { AttemptError } from "../api/attempt-view.ts";
import type {
  DatasetView,
  HandlerUsed,
  InvocationSummary,
  PieceView,
} from "../api/invocation-view.ts";
import type { PieceSlice } from "../scheduler/dataset.ts";
import type { HandlerDefinition } from "../scheduler/rows.ts";
import { invocationId, type UnitRef, unitId } from "../scheduler/unit.ts";
import {
  attemptsOfUnit,
  isBlamed,
  skippedFor,
  stateOfUnit,
  type UnitRows,
} from "../scheduler/unit-state.ts";
import { decodeKey } from "../std/ordered-key.ts";
import { decodePairs } from "../wire/pairs.ts";
import { parentPathOf } from "./unit-walk.ts";
import { isoTime } from "./views.ts";

/** Pieces of a dataset that are shown; a result in a thousand parts has as many. */
const PIECES_SHOWN_MAX = 100;

/** What units of a request share. */
export interface InvocationNames {
  readonly request: string;
  readonly nodeName: (node: string) => string;
}

/** A unit in a list; `createdMs` is undefined where it is not kept. */
export function invocationSummary(
  unit: UnitRef,
  rows: UnitRows,
  about: { readonly names: InvocationNames; readonly createdMs: number | undefined },
): InvocationSummary {
  const { names, createdMs } = about;
  const { own } = rows;
  const state = stateOfUnit(unit, rows);
  const parent = parentPathOf(unit);
  const last = lastAttempt(unit, rows);
  const isOver = state !== "waiting" && state !== "running";
  return {
    invocation: unitId(names.request, unit),
    phase: unit.kind,
    part: unit.kind === "map" ? null : unit.part,
    step: rows.step.name,
    handlers: handlersOf(unit, rows),
    parent: parent === undefined ? null : invocationId(names.request, parent),
    children: unit.kind === "map" && own !== undefined ? own.childCount + own.reduceCount : 0,
    state,
    attempts: attemptsOfUnit(unit, rows) ?? null,
    node: last?.node ?? null,
    nodeName: last === undefined ? null : names.nodeName(last.node),
    createdAt: createdMs === undefined ? null : isoTime(createdMs),
    grantedAt: last === undefined ? null : isoTime(last.grantedMs),
    startedAt: last?.startedMs === undefined ? null : isoTime(last.startedMs),
    endedAt: !isOver || last?.endedMs === undefined ? null : isoTime(last.endedMs),
    errorCode: errorOf(unit, rows)?.code ?? null,
  };
}

/** Why a unit failed for good, or what its request is paused for. */
export function errorOf(unit: UnitRef, rows: UnitRows): AttemptError | undefined {
  const { request, history } = rows;
  if (request.failure !== undefined && isBlamed(unit, request)) return request.failure.error;
  const skipped = skippedFor(unit, rows);
  if (skipped === undefined) return undefined;
  const { code, attempts } = skipped;
  // What is kept may be an earlier failure of the unit, after which it was tried again.
  const last = history.find((row) => row.how === "failed" && row.attempts === attempts);
  return last?.error ?? { code, ...FORGOTTEN };
}

/** What is said of an error of which only its code is kept. */
const FORGOTTEN = {
  message: "what the attempt said is not kept any more, since many others failed after it",
  ...{ traceback: "", stdout: "", stderr: "" },
} as const;

interface LastAttempt {
  readonly node: string;
  readonly grantedMs: number;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
}

function lastAttempt(unit: UnitRef, rows: UnitRows): LastAttempt | undefined {
  const { granted, result, history } = rows;
  // How a child ended that has no row is in its parent's block, whatever else is kept.
  if (unit.kind === "map" && rows.own === undefined && result !== undefined) return result;
  if (granted !== undefined && stateOfUnit(unit, rows) === "running") {
    return { ...granted, startedMs: undefined, endedMs: undefined };
  }
  const last = history.at(-1);
  const skipped = skippedFor(unit, rows);
  // An earlier attempt than the one by which it failed is not the last one.
  return skipped !== undefined && last?.attempts !== skipped.attempts ? undefined : last;
}

/** A leaf that ended in its first call has combined and reduced in it, one with a row has only combined. */
function handlersOf(unit: UnitRef, rows: UnitRows): readonly HandlerUsed[] {
  const { mapper, combiner, reducer } = rows.step;
  if (unit.kind === "reduce") return [handlerUsed(reducer)];
  const isLeaf = rows.own?.childStep === undefined && stateOfUnit(unit, rows) === "done";
  if (!isLeaf) return [handlerUsed(mapper)];
  const combined = combiner === undefined ? [] : [combiner];
  const reduced = rows.own === undefined ? [reducer] : [];
  return [mapper, ...combined, ...reduced].map(handlerUsed);
}

function handlerUsed({ handler }: HandlerDefinition): HandlerUsed {
  const { type, name, version } = handler;
  return { type, name, version };
}

/** Stretches of pairs as references; `content` are the pairs if they were read. */
export function datasetView(
  slices: readonly PieceSlice[],
  about: {
    readonly nodeName: (node: string) => string;
    readonly content: DatasetView["content"];
  },
): DatasetView {
  let pairs = 0;
  let bytes: number | null = 0;
  for (const { piece, count } of slices) {
    pairs += count;
    bytes = bytes === null || count !== piece.count ? null : bytes + bytesOf(piece);
  }
  const shown = slices.slice(0, PIECES_SHOWN_MAX);
  return {
    pairs,
    bytes,
    pieces: shown.map((slice) => pieceView(slice, about.nodeName)),
    truncated: shown.length < slices.length,
    content: about.content,
  };
}

/** Bytes of a whole piece. */
export function bytesOf(piece: PieceSlice["piece"]): number {
  return piece.kind === "inline" ? piece.bytes.length : piece.bytes;
}

function pieceView(
  { piece, first, count }: PieceSlice,
  nodeName: (node: string) => string,
): PieceView {
  const isRun = piece.kind === "run";
  return {
    stored: piece.kind,
    pairs: count,
    first,
    bytes: bytesOf(piece),
    hash: isRun ? piece.cid : createHash("sha256").update(piece.bytes).digest("hex"),
    holders: isRun ? piece.holders.map(nodeName) : [],
  };
}

/** The key of the only pair as JSON, where it lies in the rows; null where it would have to be fetched. */
export function inlineKey(slices: readonly PieceSlice[]): string | null {
  const [slice, ...others] = slices;
  if (slice?.count !== 1 || others.length > 0 || slice.piece.kind !== "inline") return null;
  const pair = decodePairs(slice.piece.bytes)[slice.first];
  return pair === undefined ? null : JSON.stringify(decodeKey(pair.key));
}
