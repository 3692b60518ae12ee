/** What can be wrong with a workflow file or a folder of handlers; the person who wrote it is told where. */
import { JobxError } from "../std/errors.ts";

/** `path` is the place inside the document, such as `steps.words.retries`; empty for the whole of it. */
export type WorkflowErrorDetails =
  | { readonly code: "WORKFLOW_INVALID"; readonly path: string; readonly expected: string }
  | {
      readonly code: "WORKFLOW_KEY_UNKNOWN";
      readonly path: string;
      readonly allowed: readonly string[];
      readonly suggestion: string | null;
    }
  | { readonly code: "WORKFLOW_NAME_INVALID"; readonly path: string; readonly name: string }
  | {
      readonly code: "WORKFLOW_STEP_UNDEFINED";
      readonly path: string;
      readonly step: string;
      readonly suggestion: string | null;
    }
  | { readonly code: "WORKFLOW_HANDLERS_SAME"; readonly path: string; readonly handler: string }
  | { readonly code: "WORKFLOW_TOO_LARGE"; readonly path: string; readonly countMax: number }
  | { readonly code: "HANDLER_NAME_INVALID"; readonly name: string; readonly file: string }
  | {
      readonly code: "HANDLER_NAME_DUPLICATE";
      readonly name: string;
      readonly files: readonly [string, string];
    }
  | { readonly code: "HANDLER_TOO_MANY"; readonly countMax: number };

/** Makes the error; a function, so that the union is checked where the code is written. */
export function workflowError(
  details: WorkflowErrorDetails,
  message: string,
): JobxError<WorkflowErrorDetails> {
  return new JobxError(details, message);
}
