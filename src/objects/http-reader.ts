/** Objects that have a URL of their own. */
import type { ObjectRef, ObjectSource } from "../wire/object-source.ts";
import { ObjectError, saying } from "./errors.ts";
import type { Listed, ObjectReader, OfType, OpenedObject } from "./ports.ts";

type UrlObject = OfType<ObjectRef, "url">;

/** Statuses that say that nothing is there, or not for us: asking again changes nothing. */
const MISSING: ReadonlySet<number> = new Set([401, 403, 404, 410, 451]);

/** Lists each URL as itself. */
export const HTTP_READER: ObjectReader<"url"> = { list: listUrl, open: openUrl };

async function* listUrl(
  { url }: OfType<ObjectSource, "url">,
  after: string | undefined,
): AsyncGenerator<Listed<UrlObject>, void, undefined> {
  if (after === undefined) yield { at: url, object: { type: "url", url } };
}

async function openUrl(
  { url }: UrlObject,
  known: string | undefined,
  signal: AbortSignal,
): Promise<OpenedObject | undefined> {
  let answer: Response;
  try {
    // What is packed stays so: the length and the content are those of the object.
    const headers = new Headers({ "accept-encoding": "identity" });
    if (known !== undefined) headers.set("if-none-match", known);
    answer = await fetch(url, { headers, signal });
  } catch (cause) {
    throw fetchFailed(url, saying(cause), cause);
  }
  if (answer.status === 304 && known !== undefined) {
    await answer.body?.cancel();
    return undefined;
  }
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    const said = `the server answered ${answer.status}`;
    if (!MISSING.has(answer.status)) throw fetchFailed(url, said, undefined);
    throw new ObjectError({ code: "OBJECT_MISSING", object: url }, `${url}: ${said}`);
  }
  const length = answer.headers.get("content-length");
  const isPlain = answer.headers.get("content-encoding") === null;
  return {
    content: failing(answer.body, url),
    bytes: length === null || !isPlain ? undefined : Number(length),
    version: answer.headers.get("etag") ?? undefined,
  };
}

/** The content, with a code for what breaks it off. */
export async function* failing(
  content: AsyncIterable<Uint8Array>,
  object: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* content;
  } catch (cause) {
    throw fetchFailed(object, saying(cause), cause);
  }
}

/** @returns `OBJECT_FETCH_FAILED`. */
export function fetchFailed(object: string, said: string, cause: unknown): ObjectError {
  const details = { code: "OBJECT_FETCH_FAILED", object } as const;
  return new ObjectError(details, `${object} cannot be fetched: ${said}`, { cause });
}
