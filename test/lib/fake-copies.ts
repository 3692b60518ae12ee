/** Copies of a volume that has one file on two nodes. */
import type {
  CopyPort,
  HealView,
  VerifyFileView,
  VerifyNodeView,
  WhereView,
} from "../../src/api/copy-port.ts";
import type { CallOptions } from "../../src/api/ports.ts";

type Told = (method: string, input: unknown, options: CallOptions) => void;

export class FakeCopies implements CopyPort {
  readonly #told: Told;

  constructor(told: Told) {
    this.#told = told;
  }

  where(at: Parameters<CopyPort["where"]>[0], options: CallOptions): Promise<WhereView> {
    this.#told("copies.where", at, options);
    const copies = {
      ...{ blocks: 3, bytes: 3000, copies: 1, copiesWanted: 2, stripes: 0, parity: 0 },
      ...{ short: 1, missing: 0, lost: 0 },
      nodes: [
        { node: "node-1", blocks: 3 },
        { node: "node-2", blocks: 2 },
      ],
    };
    const entries = [{ name: "f", type: "file", copies }] as const;
    return Promise.resolve({ path: at.path, type: "file", entries, next: null });
  }

  /** Two steps. */
  heal(of: Parameters<CopyPort["heal"]>[0], options: CallOptions): Promise<HealView> {
    this.#told("copies.heal", of, options);
    return Promise.resolve({
      ...{ blocks: 2, copied: 1, copiedBytes: 1000, short: 0, missing: 0, lost: 0 },
      next: of.after === undefined ? "a".repeat(64) : null,
    });
  }

  /** What a step within a file finds of other nodes. */
  gone: Pick<VerifyFileView, "missing" | "lost" | "silent"> = { missing: 0, lost: 0, silent: [] };

  verifyFile(
    of: Parameters<CopyPort["verifyFile"]>[0],
    options: CallOptions,
  ): Promise<VerifyFileView> {
    this.#told("copies.verifyFile", of, options);
    const repaired = of.repair ? 1 : 0;
    const next = of.from === 0 ? 2000 : null;
    const counts = { blocks: 2, bytes: 2000, damaged: 1, repaired };
    return Promise.resolve({ ...counts, ...this.gone, next });
  }

  verifyNode(
    of: Parameters<CopyPort["verifyNode"]>[0],
    options: CallOptions,
  ): Promise<VerifyNodeView> {
    this.#told("copies.verifyNode", of, options);
    const next = of.after === undefined ? "a".repeat(64) : null;
    const repaired = of.repair ? 1 : 0;
    return Promise.resolve({ node: of.node, blocks: 2, bytes: 2000, damaged: 1, repaired, next });
  }
}
