/** The words for data and work, passed on for the adapters, which may not import the scheduler. */
export type {
  Cid,
  Dataset,
  NodeId,
  PairOrder,
  Piece,
  PieceSlice,
  RunPiece,
} from "../scheduler/dataset.ts";
export {
  datasetCount,
  INLINE_BYTES_MAX,
  RESULT_INLINE_BYTES_MAX,
  wholeSlices,
} from "../scheduler/dataset.ts";
export type {
  ArgumentType,
  AttemptRun,
  EnforcedLimit,
  HandlerRef,
  HandlerType,
  Language,
  LimitEnforcer,
  LimitKind,
  Outcome,
  Printed,
  Work,
  WorkEnd,
  WorkError,
  WorkerExit,
} from "../scheduler/work.ts";
