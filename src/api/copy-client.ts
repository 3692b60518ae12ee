/** Copies of the blocks of files, for programs. */
import type { CollectedView, WantingView } from "./admin-port.ts";
import { nodePath, queryOf, workflowPath } from "./client-paths.ts";
import type { HealView, VerifyFileView, VerifyNodeView, WhereView } from "./copy-port.ts";
import type { Transport } from "./transport.ts";

/** One step reads some blocks of slow disks, or has them copied within a rate. */
const STEP_WORK_MS = 120_000;

/** All methods reject as those of `JobxClient`; all may be repeated. */
export class CopyClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  where(at: {
    readonly workflow: string;
    readonly path: string;
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<WhereView> {
    const { workflow, ...query } = at;
    const path = `${workflowPath(workflow)}/fs/where?${queryOf(query)}`;
    return this.#transport.call({ method: "GET", path, repeat: "always", workMs: STEP_WORK_MS });
  }

  /** One step; go on with its `next` as `after`. */
  heal(workflow: string, after: string | undefined): Promise<HealView> {
    return this.#step(`${workflowPath(workflow)}/fs/heal`, { after });
  }

  /** One step; go on with its `next` as `from`. */
  verifyFile(of: {
    readonly workflow: string;
    readonly path: string;
    readonly from: number;
    readonly repair: boolean;
  }): Promise<VerifyFileView> {
    const { workflow, ...body } = of;
    return this.#step(`${workflowPath(workflow)}/fs/verify`, body);
  }

  /** One step; go on with its `next` as `after`. */
  verifyNode(of: {
    readonly node: string;
    readonly after: string | undefined;
    readonly repair: boolean;
  }): Promise<VerifyNodeView> {
    const { node, ...body } = of;
    return this.#step(`${nodePath(node)}/verify`, body);
  }

  /** What volumes lack of copies, and since when. */
  wanting(): Promise<WantingView> {
    return this.#transport.call({ method: "GET", path: "/v1/blocks/wanting", repeat: "always" });
  }

  /** Has each node collect blocks; with `dryRun` only count them. Who takes longer is told as not answering, and goes on. */
  collect(dryRun: boolean): Promise<{ readonly nodes: readonly CollectedView[] }> {
    const call = { method: "POST", path: "/v1/blocks/collect", body: { dryRun } } as const;
    return this.#transport.call({ ...call, repeat: "always", workMs: STEP_WORK_MS });
  }

  #step<Answer>(path: string, body: object): Promise<Answer> {
    return this.#transport.call({
      ...{ method: "POST", path, body, repeat: "always", workMs: STEP_WORK_MS },
    });
  }
}
