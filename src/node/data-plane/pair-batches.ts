/** On the control thread: pairs to JSON text and back, in slices that do not hold the loop up. */
import type { Json } from "../../api/ports.ts";
import { assert } from "../../std/assert.ts";
import { PAGE_BYTES } from "./pair-texts.ts";

/** A key and a value. */
export type JsonPair = readonly [Json, Json];

/** Time that writing text may take without a turn of the loop, milliseconds. */
const SLICE_MS = 4;

/** JSON arrays of pairs, each of about `PAGE_BYTES`. */
export async function* pairSlices(
  pairs: Iterable<JsonPair>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let texts: string[] = [];
  let length = 0;
  let sinceMs = performance.now();
  for (const pair of pairs) {
    const text = JSON.stringify(pair);
    texts.push(text);
    length += text.length;
    if (length < PAGE_BYTES) continue;
    yield Buffer.from(`[${texts.join(",")}]`, "utf8");
    texts = [];
    length = 0;
    if (performance.now() - sinceMs < SLICE_MS) continue;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    sinceMs = performance.now();
  }
  if (texts.length > 0) yield Buffer.from(`[${texts.join(",")}]`, "utf8");
}

/** The pairs of one slice of lines, as `readPairPages` makes it. */
export function pairsOfPage(page: Uint8Array): readonly JsonPair[] {
  const lines = Buffer.from(page).toString("utf8").trimEnd();
  const pairs: unknown = JSON.parse(`[${lines.replaceAll("\n", ",")}]`);
  assert(isPairs(pairs), "a page is a list of pairs");
  return pairs;
}

function isPairs(value: unknown): value is readonly JsonPair[] {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2);
}
