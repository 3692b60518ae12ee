/** A data plane in a directory of its own, with the handlers of `test/fixtures/handlers`. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataPlane, type DataPlaneOptions } from "../../src/node/data-plane/data-plane.ts";
import { silentLog } from "../../src/std/log.ts";
import type { Dataset, HandlerRef, Outcome, Work } from "../../src/wire/dataset.ts";

/** Where the handlers are. */
export const HANDLERS = join(import.meta.dirname, "../fixtures/handlers");

type RunContext = Parameters<DataPlane["run"]>[1];
type Pair = Parameters<DataPlane["storePairs"]>[0] extends Iterable<infer P> ? P : never;

/** A data plane and what it ran. */
export class DataPlaneKit {
  readonly directory: string;
  readonly plane: DataPlane;
  readonly #sources = new Map<string, string>();
  #units = 0;

  constructor(directory: string, plane: DataPlane) {
    this.directory = directory;
    this.plane = plane;
  }

  static async open(options: Partial<DataPlaneOptions> = {}): Promise<DataPlaneKit> {
    const directory = await mkdtemp(join(tmpdir(), "jobx-data-plane-"));
    const plane = await DataPlane.start({
      directory,
      self: "self",
      slots: 2,
      log: silentLog,
      fetchBlock: () => {
        throw new Error("nobody to fetch from");
      },
      ...options,
    });
    return new DataPlaneKit(directory, plane);
  }

  async close(): Promise<void> {
    await this.plane.close(false);
    await rm(this.directory, { recursive: true, force: true });
  }

  /** A handler of the fixtures, checked by the data plane. */
  async handler(file: string): Promise<HandlerRef> {
    const path = join(HANDLERS, file);
    const source = await readFile(path, "utf8");
    const language = file.endsWith(".py") ? "python" : "javascript";
    const name = file.replace(/\..*/, "").replaceAll("-", "_");
    const check = await this.plane.checkHandlers([{ name, path, language, source }]);
    if (check.kind === "refused") throw new Error(JSON.stringify(check.errors));
    const [definition] = check.definitions;
    if (definition === undefined) throw new Error("no definition");
    this.#sources.set(definition.version, definition.source);
    const { version, type, argumentType, memoryBytes, runtime } = definition;
    return { name, version, language, type, argumentType, memoryBytes, runtime };
  }

  /** A reduction of one part; what it merges is given with its run. */
  reduceOf(reducer: HandlerRef): Work {
    const of = { kind: "reduce", reducer, session: [], parts: 1 } as const;
    return { ...of, inlineBytes: 4096, keepYieldOrder: false, timeoutMs: 30_000 };
  }

  /** A map unit over a dataset, as it is granted. */
  mapOf(
    handlers: { readonly mapper: HandlerRef; readonly reducer?: HandlerRef },
    dataset: Dataset,
  ): Work {
    return {
      kind: "map",
      mapper: handlers.mapper,
      combiner: undefined,
      reducer: handlers.reducer,
      reducerCapability: "none",
      input: dataset.map((piece) => ({ piece, first: 0, count: piece.count })),
      parts: 1,
      keepYieldOrder: false,
      timeoutMs: 30_000,
    };
  }

  async run(work: Work, context: Partial<RunContext> = {}): Promise<Outcome> {
    const { outcome } = await this.plane.run(work, {
      group: 1,
      weight: 1,
      isSpare: false,
      token: { index: this.#units, ordinal: 0 },
      request: "r1",
      invocation: `i${this.#units++}`,
      step: "s1",
      inputs: () => Promise.resolve(undefined),
      source: (version) => Promise.resolve(this.#sources.get(version) ?? ""),
      signal: new AbortController().signal,
      ...context,
    });
    return outcome;
  }

  async pairsOf(dataset: Dataset): Promise<Pair[]> {
    const pairs: Pair[] = [];
    for await (const page of this.plane.readPairs(dataset)) pairs.push(...page);
    return pairs;
  }
}
