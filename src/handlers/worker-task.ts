/** What a worker is busy with, and what waits for it. */
import { type CallEnd, type CallOptions, type CheckEnd, isWhole } from "./worker-call.ts";

/** A call or a check with its number, and who waits for its end. */
export type WorkerTask =
  | {
      readonly kind: "call";
      readonly number: number;
      readonly options: CallOptions;
      readonly resolve: (end: CallEnd) => void;
    }
  | {
      readonly kind: "check";
      readonly number: number;
      readonly resolve: (end: CheckEnd | CallEnd) => void;
    };

/** True when a call may be sent while this one runs. */
export function isAhead(task: WorkerTask): boolean {
  return task.kind === "call" && isWhole(task.options.input);
}

/** After a stray error the state of the worker is unknown, so that it is not used again. */
export function isHarmless(code: string): boolean {
  return code !== "HANDLER_STRAY_ERROR";
}
