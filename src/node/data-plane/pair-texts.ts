/** In the data plane: pairs as JSON text, into datasets and out of them. */
import type { PairIo, PairRecord } from "../../handlers/ports.ts";
import { assert } from "../../std/assert.ts";
import { checkExact, decodeKey, encodeKey } from "../../std/ordered-key.ts";
import type { Dataset, PieceSlice } from "../../wire/dataset.ts";

/** Text of one slice, bytes, unless a single pair is longer: parsed in about a millisecond. */
export const PAGE_BYTES = 64 * 1024;

/**
 * Keeps pairs in their order; each slice is a JSON array of [key, value].
 * @throws {JobxError} `KEY_NOT_EXACT` and the other codes of keys and values; `FS_DISK_FULL`,
 * `FS_IO`, `FS_STOPPED`.
 */
export async function storePairs(io: PairIo, slices: AsyncIterable<Uint8Array>): Promise<Dataset> {
  const sink = io.yielded();
  try {
    for await (const slice of slices) await sink.add(recordsOf(slice));
    const [dataset = []] = await sink.finish();
    return dataset;
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

/**
 * All pairs of the slices as lines of JSON, each with its line break, in slices of whole lines of about
 * `PAGE_BYTES`.
 * @throws {JobxError} as `PairIo.read`.
 */
export async function* readPairPages(
  io: PairIo,
  slices: readonly PieceSlice[],
): AsyncGenerator<Uint8Array, void, undefined> {
  let texts: string[] = [];
  let length = 0;
  for await (const records of io.read(slices)) {
    for (const record of records) {
      const text = textOf(record);
      if (texts.length > 0 && length + text.length > PAGE_BYTES) {
        yield pageOf(texts);
        texts = [];
        length = 0;
      }
      texts.push(text);
      length += text.length;
    }
  }
  if (texts.length > 0) yield pageOf(texts);
}

function recordsOf(slice: Uint8Array): PairRecord[] {
  const pairs: unknown = JSON.parse(Buffer.from(slice).toString("utf8"));
  assert(Array.isArray(pairs), "a slice is a list of pairs");
  return pairs.map((pair: unknown) => {
    const fields: readonly unknown[] = Array.isArray(pair) ? pair : [];
    assert(fields.length === 2, "a pair has a key and a value");
    const [key, value] = fields;
    checkExact(value);
    return { key: encodeKey(key), value: Buffer.from(JSON.stringify(value), "utf8") };
  });
}

function textOf(record: PairRecord): string {
  const key = JSON.stringify(decodeKey(record.key));
  const value = Buffer.from(record.value).toString("utf8");
  // Inside a text JSON writes a line break as `\n`; one that is there stands between two tokens.
  return `[${key},${value.replaceAll("\n", " ")}]`;
}

function pageOf(texts: readonly string[]): Uint8Array {
  return Buffer.from(`${texts.join("\n")}\n`, "utf8");
}
