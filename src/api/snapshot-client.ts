/** Snapshots of a workflow's folders, for programs. */
import { queryOf, workflowPath } from "./client-paths.ts";
import { PROCESSING_HEADER } from "./processing-header.ts";
import type { HistoryView, Restore, SnapshotList, SnapshotView } from "./snapshot-port.ts";
import { type Call, readJson, type Transport } from "./transport.ts";
import { COPY_MS_MAX } from "./volume-client.ts";
import type { VolumeCopyAnswer } from "./volume-port.ts";

/** Of each step that the node takes. */
const STEP_WORK_MS = 60_000;

/** All methods reject as those of `JobxClient`. */
export class SnapshotClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sent once, to a node that has just answered. */
  take({
    workflow,
    ...body
  }: {
    readonly workflow: string;
    readonly path: string;
    readonly name?: string | undefined;
  }): Promise<SnapshotView> {
    return this.#once(workflow, "snapshots", body);
  }

  /** Sent once, to a node that has just answered. */
  restore({ workflow, ...body }: Restore): Promise<VolumeCopyAnswer> {
    return this.#once(workflow, "restore", body);
  }

  /** The same of a version of a file. */
  restoreVersion({
    workflow,
    ...body
  }: {
    readonly workflow: string;
    readonly path: string;
    readonly version: number;
    readonly to: string;
  }): Promise<VolumeCopyAnswer> {
    return this.#once(workflow, "restore", body);
  }

  history(workflow: string, path: string): Promise<HistoryView> {
    const url = `${urlOf(workflow, "history")}?${queryOf({ path })}`;
    return this.#transport.call({ method: "GET", path: url, repeat: "always" });
  }

  /** A page; go on with its `next` as `after`. */
  list({
    workflow,
    ...query
  }: {
    readonly workflow: string;
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<SnapshotList> {
    const path = `${urlOf(workflow, "snapshots")}?${queryOf(query)}`;
    return this.#transport.call({ method: "GET", path, repeat: "always" });
  }

  show(workflow: string, name: string): Promise<SnapshotView> {
    const path = urlOf(workflow, `snapshots/${encodeURIComponent(name)}`);
    return this.#transport.call({ method: "GET", path, repeat: "always" });
  }

  remove(workflow: string, name: string): Promise<SnapshotView> {
    const path = urlOf(workflow, `snapshots/${encodeURIComponent(name)}`);
    return this.#transport.call({ method: "DELETE", path, repeat: "when-not-accepted" });
  }

  async #once<Answer>(workflow: string, route: string, body: object): Promise<Answer> {
    await this.list({ workflow, limit: 1 });
    const headers = { "jobx-deadline-ms": String(STEP_WORK_MS), [PROCESSING_HEADER]: "yes" };
    const what = { path: urlOf(workflow, route), body, headers };
    const call: Call = { method: "POST", ...what, repeat: "when-not-accepted" };
    const outcome = await this.#transport.attempt(call, COPY_MS_MAX, readJson<Answer>());
    if (outcome.kind === "answer") return outcome.answer;
    throw outcome.error;
  }
}

function urlOf(workflow: string, route: string): string {
  return `${workflowPath(workflow)}/fs/${route}`;
}
