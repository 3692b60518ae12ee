/** What clients change of a request, by a command that may expect the revision that they have seen. */
import type { Deadline } from "../std/deadline.ts";
import { isJobxError } from "../std/errors.ts";
import { ClusterError } from "./cluster-errors.ts";
import type { RequestReader } from "./request-reader.ts";
import type { WorkflowWriter } from "./workflow-writer.ts";

/** What becomes of the request. */
export type RequestChange =
  | { readonly kind: "cancel" | "resume" }
  | { readonly kind: "remove"; readonly expired: false };

/**
 * Puts the change through the request's workflow.
 * @throws {ClusterError} `REQUEST_UNKNOWN`, `REQUEST_NOT_PAUSED`, `REQUEST_NOT_ENDED`; `REVISION_CHANGED`
 * with the revision that it has, when it is not at the one that is expected.
 */
export async function changeRequest(
  by: {
    readonly reader: Pick<RequestReader, "place" | "row">;
    readonly writer: Pick<WorkflowWriter, "command">;
  },
  change: RequestChange,
  at: {
    readonly id: string;
    readonly revision: number | undefined;
    readonly deadline: Deadline;
  },
): Promise<void> {
  const { id, revision, deadline } = at;
  const place = await by.reader.place(id, deadline);
  const { group, sequence: request } = place;
  try {
    await by.writer.command(group, { ...change, request, revision }, deadline);
  } catch (error) {
    if (!isJobxError(error) || error.code !== "REVISION_CHANGED") throw error;
    const row = await by.reader.row(place, deadline);
    throw new ClusterError({ code: error.code, revision: row.revision }, error.message, {
      cause: error,
    });
  }
}
