/** The data plane of one node, without a cluster. */
import type { HandlerFile } from "../../src/api/ports.ts";
import type { Machine } from "../../src/handlers/limits/report.ts";
import { DataPlane } from "../../src/node/data-plane/data-plane.ts";
import { silentLog } from "../../src/std/log.ts";
import type { Dataset, HandlerRef, Work } from "../../src/wire/dataset.ts";

type Pairs = Parameters<DataPlane["storePairs"]>[0];

const TIMEOUT_MS = 60_000;

export class BenchPlane {
  readonly #plane: DataPlane;
  readonly #sources = new Map<string, string>();
  #units = 0;

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /** `machine`: what is limited; nothing unless it is said. */
  static async start(directory: string, slots: number, machine?: Machine): Promise<BenchPlane> {
    const plane = await DataPlane.start({
      directory,
      self: "self",
      slots,
      machine,
      log: silentLog,
      fetchBlock: () => {
        throw new Error("there is nobody to fetch from");
      },
    });
    return new BenchPlane(plane);
  }

  close(): Promise<void> {
    return this.#plane.close(false);
  }

  /** A handler, checked as an apply does it. */
  async handler(file: HandlerFile): Promise<HandlerRef> {
    const check = await this.#plane.checkHandlers([file]);
    const definition = check.kind === "accepted" ? check.definitions[0] : undefined;
    if (definition === undefined) throw new Error(JSON.stringify(check));
    this.#sources.set(definition.version, definition.source);
    const { name, version, language, type, argumentType, memoryBytes, runtime } = definition;
    return { name, version, language, type, argumentType, memoryBytes, runtime };
  }

  store(pairs: Pairs): Promise<Dataset> {
    return this.#plane.storePairs(pairs);
  }

  /** Runs one map unit, reduced in the same attempt where there is a reducer. */
  async map(
    handlers: { readonly mapper: HandlerRef; readonly reducer: HandlerRef | undefined },
    input: Dataset,
  ): Promise<void> {
    const work: Work = {
      kind: "map",
      mapper: handlers.mapper,
      combiner: undefined,
      reducer: handlers.reducer,
      reducerCapability: "none",
      input: input.map((piece) => ({ piece, first: 0, count: piece.count })),
      parts: 1,
      keepYieldOrder: false,
      timeoutMs: TIMEOUT_MS,
    };
    this.#units += 1;
    const { outcome } = await this.#plane.run(work, {
      group: 1,
      weight: 1,
      isSpare: false,
      token: { index: this.#units, ordinal: 0 },
      request: "r",
      invocation: String(this.#units),
      step: "s",
      inputs: () => Promise.resolve(undefined),
      source: (version) => Promise.resolve(this.#sources.get(version) ?? ""),
      signal: new AbortController().signal,
    });
    if (outcome.kind === "failed" || outcome.kind === "released") {
      throw new Error(JSON.stringify(outcome));
    }
  }
}
