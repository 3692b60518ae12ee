/** Events of a workflow, as nodes tell them to each other. */
import type { EventChange, WorkflowEvent } from "../scheduler/events.ts";
import { type Codec, enumeration, natural } from "./codec.ts";
import { optional, struct, union } from "./codec-shapes.ts";
import { nodeIdCodec } from "./dataset-codec.ts";
import { requestStateCodec, stepCountsCodec } from "./row.ts";
import { nameCodec, unitRefCodec } from "./work-codec.ts";

/** A change with its number. */
export const workflowEventCodec: Codec<WorkflowEvent> = struct<WorkflowEvent>({
  number: natural,
  change: union<EventChange>({
    request: [
      1,
      {
        request: natural,
        job: nameCodec,
        state: requestStateCodec,
        revision: natural,
        submittedMs: natural,
        endedMs: optional(natural),
        steps: stepCountsCodec,
      },
    ],
    removed: [2, { request: natural }],
    defined: [3, { revision: natural }],
    attempt: [
      4,
      {
        request: natural,
        unit: unitRefCodec,
        step: nameCodec,
        node: nodeIdCodec,
        how: enumeration<Extract<EventChange, { kind: "attempt" }>["how"]>({
          done: 1,
          failed: 2,
          lost: 3,
          released: 4,
          granted: 5,
        }),
      },
    ],
  }),
});
