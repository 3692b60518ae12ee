/** Where a mapper's pairs go, once it has said so. */
import { unreachable } from "../std/assert.ts";
import type { Dataset } from "../wire/dataset.ts";
import { isName } from "../wire/handler-metadata.ts";
import { HandlerFault } from "./errors.ts";
import { pairsOf } from "./frames.ts";
import type { PairIo } from "./ports.ts";
import { SafeSink, SafeSorter } from "./safe-sink.ts";

/** What a mapper made: arguments of children, pairs that outlive the attempt, or pairs for it alone. */
export type MapperPairs =
  | { readonly kind: "children"; readonly step: string; readonly dataset: Dataset }
  | { readonly kind: "stored"; readonly dataset: Dataset }
  /** Still to be discarded through the output. */
  | { readonly kind: "sorted"; readonly sorter: SafeSorter };

type Target =
  | { readonly kind: "children"; readonly step: string; readonly sink: SafeSink }
  | { readonly kind: "stored"; readonly sink: SafeSink }
  | { readonly kind: "sorted"; readonly sink: SafeSorter };

/** Takes a mapper's pairs. Use: `direct`, then `take`, then `finish` once; `discard` in every case. */
export class MapperOutput {
  readonly #io: PairIo;
  readonly #readHere: boolean;
  #target: Target | undefined;

  /** `readHere`: a leaf's pairs go to another handler of the same attempt and nowhere else. */
  constructor(io: PairIo, options: { readonly readHere: boolean }) {
    this.#io = io;
    this.#readHere = options.readHere;
  }

  /**
   * The mapper's first word: a step, or null for "return".
   * @throws {JobxError} `HANDLER_PROTOCOL` for a second one, `HANDLER_OUTPUT_INVALID` for no name.
   */
  direct(step: string | null): void {
    if (this.#target !== undefined) throw protocolFault("a second direction");
    if (step !== null && !isName(step)) {
      const message = `no name of a step: ${step.slice(0, 200)}`;
      throw new HandlerFault({ code: "HANDLER_OUTPUT_INVALID" }, message);
    }
    this.#target = this.#targetFor(step);
  }

  /** @throws {JobxError} `HANDLER_PROTOCOL` before a direction, and as `pairsOf`. */
  async take(records: readonly unknown[]): Promise<void> {
    if (this.#target === undefined) throw protocolFault("pairs before a direction");
    await this.#target.sink.add(pairsOf(records));
  }

  /** True when the pairs outlive the attempt: `finish` writes what does not fit inline. */
  get stores(): boolean {
    return this.#target !== undefined && this.#target.kind !== "sorted";
  }

  /** @throws {JobxError} `HANDLER_PROTOCOL` without a direction, and as `PairSink.finish`. */
  async finish(): Promise<MapperPairs> {
    const target = this.#target;
    if (target === undefined) throw protocolFault("no direction");
    switch (target.kind) {
      case "children": {
        const [dataset = []] = await target.sink.finish();
        return { kind: "children", step: target.step, dataset };
      }
      case "stored": {
        const [dataset = []] = await target.sink.finish();
        return { kind: "stored", dataset };
      }
      case "sorted":
        return { kind: "sorted", sorter: target.sink };
      default:
        return unreachable(target);
    }
  }

  /** Frees what is not stored. */
  async discard(): Promise<void> {
    await this.#target?.sink.discard();
  }

  #targetFor(step: string | null): Target {
    const io = this.#io;
    if (step !== null) return { kind: "children", step, sink: new SafeSink(io.yielded()) };
    return this.#readHere
      ? { kind: "sorted", sink: new SafeSorter(io.sorter()) }
      : { kind: "stored", sink: new SafeSink(io.sorted({ parts: 1 })) };
  }
}

function protocolFault(message: string): HandlerFault {
  return new HandlerFault({ code: "HANDLER_PROTOCOL" }, message);
}
