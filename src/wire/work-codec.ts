/** Work and outcomes as they travel inside other messages and records. */
import { SEGMENT_CHILDREN } from "../scheduler/objects.ts";
import { PATH_LENGTH_MAX, type Path, type Token, type UnitRef } from "../scheduler/unit.ts";
import {
  type ArgumentType,
  type AttemptRun,
  ENFORCED_LIMITS_MAX,
  type EnforcedLimit,
  EXIT_CODE_MAX,
  type HandlerRef,
  type HandlerType,
  type Language,
  type LimitEnforcer,
  type LimitKind,
  LOST_RUNS_MAX,
  type LostRun,
  type Outcome,
  type Printed,
  RUN_MS_MAX,
  type Work,
  type WorkError,
  type WorkerExit,
} from "../scheduler/work.ts";
import { PARTITIONS_MAX } from "../workflow/definition.ts";
import {
  CODE_LENGTH_MAX,
  ERROR_TEXT_LENGTH_MAX,
  NAME_LENGTH_MAX,
  PIECES_MAX,
  PRINTED_LENGTH_MAX,
  SIGNAL_LENGTH_MAX,
  WARNING_LENGTH_MAX,
  WARNINGS_MAX,
} from "./bounds.ts";
import { bool, type Codec, enumeration, int, literal, natural, pattern, text } from "./codec.ts";
import { array, nullable, optional, struct, trailing, union } from "./codec-shapes.ts";
import type { Dataset } from "./dataset.ts";
import { datasetCodec, pieceSliceCodec, sha256Codec } from "./dataset-codec.ts";
import { cursorCodec, objectInputCodec } from "./objects.ts";
import { handlerRuntimeCodec } from "./runtime-codec.ts";

/** A name of a workflow, step, job, handler or capability. */
export const nameCodec: Codec<string> = text(NAME_LENGTH_MAX);

/** Warnings for people. */
export const warningsCodec: Codec<readonly string[]> = array(
  text(WARNING_LENGTH_MAX),
  WARNINGS_MAX,
);

/** One dataset for each partition. */
export const partsCodec: Codec<readonly Dataset[]> = array(datasetCodec, PARTITIONS_MAX);

/** Child numbers from the root. */
export const pathCodec: Codec<Path> = array(natural, PATH_LENGTH_MAX);

/** A unit. */
export const unitRefCodec: Codec<UnitRef> = union<UnitRef>({
  map: [1, { request: natural, path: pathCodec }],
  reduce: [2, { request: natural, path: pathCodec, part: natural }],
});

/** An attempt's token. */
export const tokenCodec: Codec<Token> = struct<Token>({ index: natural, ordinal: natural });

/** A handler at a version. */
export const handlerRefCodec: Codec<HandlerRef> = struct<HandlerRef>({
  name: nameCodec,
  version: sha256Codec,
  language: enumeration<Language>({ javascript: 1, python: 2, executable: 3, container: 20 }),
  type: enumeration<HandlerType>({ mapper: 1, combiner: 2, reducer: 3 }),
  argumentType: nullable(
    enumeration<Exclude<ArgumentType, null>>({
      list: 1,
      dict: 2,
      tuple: 3,
      int: 4,
      float: 5,
      str: 6,
      bool: 7,
      set: 8,
      frozenset: 9,
      sorted: 10,
      reversed: 11,
      enumerate: 12,
      iter: 13,
      len: 14,
    }),
  ),
  memoryBytes: optional(natural),
  runtime: trailing(handlerRuntimeCodec),
});

const common = {
  parts: int(1, PARTITIONS_MAX),
  keepYieldOrder: bool,
  timeoutMs: natural,
} as const;

/** What an attempt has to do. */
export const workCodec: Codec<Work> = union<Work>({
  map: [
    1,
    {
      mapper: handlerRefCodec,
      combiner: optional(handlerRefCodec),
      reducer: optional(handlerRefCodec),
      reducerCapability: nameCodec,
      input: array(pieceSliceCodec, PIECES_MAX),
      ...common,
      objects: trailing(objectInputCodec),
      fromOwnStep: trailing(bool),
    },
  ],
  list: [
    105,
    {
      sources: datasetCodec,
      cursor: cursorCodec,
      limit: int(1, SEGMENT_CHILDREN),
      parts: literal(1),
      keepYieldOrder: literal(true),
      timeoutMs: natural,
    },
  ],
  reduce: [2, { reducer: handlerRefCodec, session: datasetCodec, inlineBytes: natural, ...common }],
});

const errorText = text(ERROR_TEXT_LENGTH_MAX);

/** What went wrong in an attempt. */
export const workErrorCodec: Codec<WorkError> = struct<WorkError>({
  code: text(CODE_LENGTH_MAX),
  message: errorText,
  traceback: errorText,
  stdout: errorText,
  stderr: errorText,
});

const printedText = text(PRINTED_LENGTH_MAX);

/** What an attempt that ended well has printed. */
export const printedCodec: Codec<Printed> = struct<Printed>({
  stdout: printedText,
  stderr: printedText,
});

/** What an attempt was held to; not written where that is nothing. */
export const enforcedLimitsCodec: Codec<readonly EnforcedLimit[] | undefined> = trailing(
  array(
    struct<EnforcedLimit>({
      kind: enumeration<LimitKind>({ memory: 1, cpu: 2, pids: 3, disk: 4, time: 5, silence: 6 }),
      by: enumeration<LimitEnforcer>({
        "cgroup-v2": 1,
        "cgroup-v1": 2,
        rlimit: 3,
        looking: 4,
        node: 5,
        none: 6,
      }),
    }),
    ENFORCED_LIMITS_MAX,
  ),
);

const done = {
  session: datasetCodec,
  warnings: warningsCodec,
  printed: optional(printedCodec),
  limits: enforcedLimitsCodec,
} as const;

/** How a worker's process ended. Names of signals are those of the machine that it ran on. */
export const workerExitCodec: Codec<WorkerExit> = union<WorkerExit>({
  code: [1, { code: int(0, EXIT_CODE_MAX) }],
  signal: [2, { signal: pattern(/^SIG[A-Z0-9]+$/u, SIGNAL_LENGTH_MAX) }],
});

const lostRun = struct<LostRun>({ cid: sha256Codec, child: optional(natural), unit: natural });

const runMs = int(0, RUN_MS_MAX);

/** When an attempt ran. */
export const attemptRunCodec: Codec<AttemptRun> = struct<AttemptRun>({
  tookMs: runMs,
  agoMs: runMs,
});

/** How an attempt ended. */
export const outcomeCodec: Codec<Outcome> = union<Outcome>({
  mapped: [1, { step: nameCodec, children: datasetCodec, ...done }],
  combined: [2, { pairs: datasetCodec, ...done }],
  reduced: [3, { parts: partsCodec, ...done }],
  listed: [
    105,
    { children: datasetCodec, cursor: cursorCodec, closed: bool, warnings: warningsCodec },
  ],
  failed: [
    4,
    { error: workErrorCodec, exit: optional(workerExitCodec), limits: enforcedLimitsCodec },
  ],
  released: [5, { reason: errorText, exit: optional(workerExitCodec) }],
  lacking: [8, { lost: array(lostRun, LOST_RUNS_MAX), error: workErrorCodec }],
});
