/** The session of an invocation: what its mapper keeps for its reducer. */
import { decodeKey } from "../std/ordered-key.ts";
import type { Dataset, PieceSlice } from "../wire/dataset.ts";
import { HandlerFault } from "./errors.ts";
import { pairOf } from "./frames.ts";
import type { PairIo, PairRecord } from "./ports.ts";

/** Most bytes of keys and values in one session: it travels to the reducer in a single message. */
export const SESSION_BYTES_MAX = 1024 * 1024;

/** As the worker protocol carries it. */
export type SessionPairs = readonly (readonly [unknown, unknown])[];

/** Collects a mapper's writes; the last one of a key wins. */
export class SessionWriter {
  readonly #entries = new Map<string, PairRecord>();
  #bytes = 0;

  /**
   * Keeps a value.
   * @throws {JobxError} `HANDLER_SESSION_TOO_LARGE` beyond `SESSION_BYTES_MAX`, and what `pairsOf`
   * throws for keys and values that cannot be kept.
   */
  set(key: unknown, value: unknown): void {
    const record = pairOf(key, value);
    const name = Buffer.from(record.key).toString("latin1");
    const before = this.#entries.get(name);
    this.#bytes += bytesOf(record) - (before === undefined ? 0 : bytesOf(before));
    if (this.#bytes > SESSION_BYTES_MAX) throw tooLarge();
    this.#entries.set(name, record);
  }

  /** What the reducer of the same attempt reads. */
  pairs(): SessionPairs {
    return [...this.#entries.values()].map(toPair);
  }

  /** What is kept for a reducer elsewhere; empty when nothing was written. */
  async save(io: PairIo): Promise<Dataset> {
    if (this.#entries.size === 0) return [];
    const sink = io.sorted({ parts: 1 });
    try {
      await sink.add([...this.#entries.values()]);
      return (await sink.finish())[0] ?? [];
    } catch (error) {
      await sink.discard();
      throw error;
    }
  }
}

/** Reads a session that was saved. @throws {JobxError} `HANDLER_SESSION_TOO_LARGE` beyond the bound. */
export async function readSession(io: PairIo, dataset: Dataset): Promise<SessionPairs> {
  const pairs: (readonly [unknown, unknown])[] = [];
  if (dataset.length === 0) return pairs;
  const slices = dataset.map((piece): PieceSlice => ({ piece, first: 0, count: piece.count }));
  let bytes = 0;
  for await (const records of io.read(slices)) {
    for (const record of records) {
      bytes += bytesOf(record);
      if (bytes > SESSION_BYTES_MAX) throw tooLarge();
      pairs.push(toPair(record));
    }
  }
  return pairs;
}

function toPair(record: PairRecord): readonly [unknown, unknown] {
  const value: unknown = JSON.parse(Buffer.from(record.value).toString("utf8"));
  return [decodeKey(record.key), value];
}

function bytesOf(record: PairRecord): number {
  return record.key.length + record.value.length;
}

function tooLarge(): HandlerFault {
  const message = `a session has at most ${SESSION_BYTES_MAX} bytes`;
  return new HandlerFault({ code: "HANDLER_SESSION_TOO_LARGE" }, message);
}
