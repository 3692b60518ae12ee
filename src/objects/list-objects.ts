/**
 * One stretch of a list: from a cursor on, until there are enough or it has taken long. Sources are listed one
 * after the other, each in its own unchanging order, and the cursor names the last one that was come to; so
 * whoever goes on from it, on whatever node, neither repeats nor leaves out what stays there meanwhile.
 */
import { unreachable } from "../std/assert.ts";
import type { ObjectRef, ObjectSource } from "../wire/object-source.ts";
import { ObjectError } from "./errors.ts";
import type { Listed, ObjectReaders } from "./ports.ts";

/** A stretch ends after so long, whatever it has found: those who wait for work shall get it, and the way is kept. */
export const STRETCH_MS = 1_000;

/** What was found. */
export interface Stretch {
  readonly objects: readonly ObjectRef[];
  readonly cursor: string;
  /** Nothing comes after it. */
  readonly closed: boolean;
}

interface Place {
  readonly source: number;
  /** The last name of that source that was come to; undefined before its first. */
  readonly after: string | undefined;
}

/** @throws {JobxError} `OBJECT_SOURCE_INVALID` for a cursor that is none; as `ObjectReader.list`. */
export async function listObjects(of: {
  readonly sources: readonly ObjectSource[];
  readonly cursor: string;
  readonly limit: number;
  readonly readers: ObjectReaders;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}): Promise<Stretch> {
  const { sources, limit, readers, nowMs, signal } = of;
  const untilMs = nowMs() + STRETCH_MS;
  const objects: ObjectRef[] = [];
  let place = placeOf(of.cursor);
  const begun = textOf(place);
  try {
    for (; place.source < sources.length; place = { source: place.source + 1, after: undefined }) {
      const source = sources[place.source];
      if (source === undefined) break;
      for await (const { at, object } of listed(readers, source, place.after, signal)) {
        if (object !== undefined) objects.push(object);
        place = { ...place, after: at };
        if (objects.length >= limit || nowMs() >= untilMs) {
          return { objects, cursor: textOf(place), closed: false };
        }
      }
    }
  } catch (error) {
    // The way until here counts; the next stretch comes upon the same trouble.
    if (textOf(place) === begun || signal.aborted) throw error;
    return { objects, cursor: textOf(place), closed: false };
  }
  return { objects, cursor: textOf(place), closed: true };
}

function listed(
  readers: ObjectReaders,
  source: ObjectSource,
  after: string | undefined,
  signal: AbortSignal,
): AsyncIterable<Listed<ObjectRef>> {
  switch (source.type) {
    case "url":
      return readers.url.list(source, after, signal);
    case "s3":
      return readers.s3.list(source, after, signal);
    case "volume":
      return readers.volume.list(source, after, signal);
    case "local":
      return readers.local.list(source, after, signal);
    default:
      return unreachable(source);
  }
}

function textOf({ source, after }: Place): string {
  return JSON.stringify(after === undefined ? [source] : [source, after]);
}

function placeOf(cursor: string): Place {
  if (cursor === "") return { source: 0, after: undefined };
  const [source, after] = partsOf(cursor);
  const isPlace = typeof source === "number" && Number.isSafeInteger(source) && source >= 0;
  if (isPlace && (after === undefined || typeof after === "string")) return { source, after };
  throw new ObjectError({ code: "OBJECT_SOURCE_INVALID" }, "the place to go on from is none");
}

function partsOf(cursor: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(cursor);
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}
