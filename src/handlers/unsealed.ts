/** Opens sealed values in what a handler is given, which wherever else it lies stays sealed. */
import { HandlerFault } from "./errors.ts";
import type { PairRecord } from "./ports.ts";

/** The one member of an object that stands for a sealed value. */
const MARK = "$sealed";
const MARK_BYTES = Buffer.from(JSON.stringify(MARK));

/** Opens one sealed value; undefined for what is none, or was sealed for others. */
export type Unseal = (text: string) => string | undefined;

/**
 * The records with the texts that were sealed in the place of `{"$sealed": "…"}`, wherever in a value that is;
 * `hide` is told those of a batch at once, before it is passed on.
 * @throws {JobxError} `HANDLER_SEALED_INVALID` for one that cannot be opened.
 */
export async function* unsealed(
  batches: AsyncIterable<readonly PairRecord[]>,
  options: { readonly unseal: Unseal; readonly hide: (texts: readonly string[]) => void },
): AsyncGenerator<readonly PairRecord[], void, undefined> {
  for await (const records of batches) {
    const texts: string[] = [];
    const open = (text: unknown): string => {
      const value = opened(text, options.unseal);
      texts.push(value);
      return value;
    };
    const whole = records.map((record) => {
      if (!Buffer.from(record.value).includes(MARK_BYTES)) return record;
      const value: unknown = JSON.parse(Buffer.from(record.value).toString("utf8"));
      return { key: record.key, value: Buffer.from(JSON.stringify(walked(value, open))) };
    });
    if (texts.length > 0) options.hide(texts);
    yield whole;
  }
}

function walked(value: unknown, open: (text: unknown) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => walked(item, open));
  if (typeof value !== "object" || value === null) return value;
  const members: readonly (readonly [string, unknown])[] = Object.entries(value);
  const [only] = members;
  if (members.length === 1 && only?.[0] === MARK) return open(only[1]);
  return Object.fromEntries(members.map(([name, member]) => [name, walked(member, open)]));
}

function opened(text: unknown, unseal: Unseal): string {
  const value = typeof text === "string" ? unseal(text) : undefined;
  if (value === undefined) {
    const message =
      "a sealed value was not sealed for this workflow: `jobx seal WORKFLOW` makes one";
    throw new HandlerFault({ code: "HANDLER_SEALED_INVALID" }, message);
  }
  return value;
}
