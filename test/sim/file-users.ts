/** All users of files of a simulation, and what is left of their blocks. */

import type { SimWorkflow } from "./client.ts";
import { FileUser, type FileUserOptions } from "./file-user.ts";
import { SnapshotUser } from "./snapshot-user.ts";
import { promise } from "./world.ts";

/** Of each workflow. */
const USERS = 2;

export class FileUsers {
  readonly #options: Omit<FileUserOptions, "workflow">;

  constructor(options: Omit<FileUserOptions, "workflow">) {
    this.#options = options;
  }

  start(workflow: SimWorkflow, failed: (error: unknown) => void): void {
    for (let number = 1; number <= USERS; number++) {
      const user = new FileUser({ ...this.#options, workflow }, `f${number}-${workflow.group}`);
      user.run().catch(failed);
    }
    const user = new SnapshotUser({ ...this.#options, workflow }, `s-${workflow.group}`);
    user.run().catch(failed);
  }

  /** A block that nothing refers to, on a member's disk; undefined when there is none. */
  garbage(): string | undefined {
    const { hosts, checker } = this.#options;
    for (const { id, node, blocks } of hosts) {
      if (node?.directory.member(id)?.state !== "joined") continue;
      const left = blocks.list().find((cid) => checker.isNeeded(cid) === false);
      if (left !== undefined) return `${id} keeps ${left}, which nothing refers to`;
    }
    return undefined;
  }

  /** No block of a file is lost. @throws {Violation} */
  check(): void {
    const { hosts, checker } = this.#options;
    const lost = checker.lostBlock(hosts.map(({ blocks }) => blocks));
    promise(lost === undefined, () => `R25: no node has the block ${lost}, which a file names`);
  }
}
