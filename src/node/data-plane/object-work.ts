/** In the data plane: what is done for requests over lists before and around the calls of handlers. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { PairIo, PairRecord } from "../../handlers/ports.ts";
import { coded, endOf } from "../../objects/coded.ts";
import { Deadline } from "../../objects/deadline.ts";
import { ObjectError } from "../../objects/errors.ts";
import { type Fetched, type FetchFor, ObjectFetcher } from "../../objects/fetcher.ts";
import { HTTP_READER } from "../../objects/http-reader.ts";
import { listObjects } from "../../objects/list-objects.ts";
import { LocalReader } from "../../objects/local-reader.ts";
import { ObjectCache } from "../../objects/object-cache.ts";
import { Malformed, pathRecord, recordsOf } from "../../objects/records.ts";
import { roomOn, within } from "../../objects/room.ts";
import { type S3Environment, S3Reader } from "../../objects/s3-reader.ts";
import { fileNameOf, packingOf, unpack } from "../../objects/unpack.ts";
import { VolumeReader } from "../../objects/volume-reader.ts";
import type { Clock } from "../../std/clock.ts";
import { encodeKey } from "../../std/ordered-key.ts";
import type { Outcome, PieceSlice, Work } from "../../wire/dataset.ts";
import { wholeSlices } from "../../wire/dataset.ts";
import {
  type ObjectRef,
  type ObjectSource,
  objectName,
  parseSource,
} from "../../wire/object-source.ts";
import type { ObjectInput } from "../../wire/objects.ts";
import type { VolumeAccess } from "../../wire/worker-protocol.ts";

/** An object that is here for its mapper. */
export interface ObjectHere {
  readonly name: string;
  /** What the mapper is given, from the beginning each time. */
  readonly input: () => AsyncIterable<readonly PairRecord[]>;
  /** What was wrong with the records of the last reading. */
  readonly warnings: () => readonly string[];
  readonly release: () => Promise<void>;
}

/** A unit with an object for its input. */
export interface ObjectUnit {
  readonly input: readonly PieceSlice[];
  readonly objects: ObjectInput;
  readonly request: string;
  readonly step: string;
  readonly volume: VolumeAccess | undefined;
  readonly signal: AbortSignal;
  /** Of the attempt: bringing its object may take so long, and unpacking it as long again. */
  readonly timeoutMs: number;
}

/** What objects of a node need. */
export interface ObjectWorkOptions {
  /** Everything of it is below. */
  readonly directory: string;
  readonly cacheBytes: number;
  /** Folders of the machine that may be listed and read. */
  readonly folders: readonly string[];
  readonly environment: S3Environment;
  readonly io: PairIo;
  readonly clock: Clock;
}

/** Lists and fetches for one node. */
export class ObjectWork {
  readonly #options: ObjectWorkOptions;
  readonly #fetcher: ObjectFetcher;
  readonly #local: LocalReader;
  readonly #s3: S3Reader;
  #files = 0;

  /** Use `open`. */
  constructor(options: ObjectWorkOptions, cache: ObjectCache) {
    this.#options = options;
    this.#fetcher = new ObjectFetcher(cache);
    this.#local = new LocalReader(options.folders);
    this.#s3 = new S3Reader(options.environment);
  }

  /** What files an earlier process has left for its handlers are gone; what it had fetched is used on. */
  static async open(options: ObjectWorkOptions): Promise<ObjectWork> {
    await rm(join(options.directory, "files"), { recursive: true, force: true });
    const cache = await ObjectCache.open(join(options.directory, "cache"), options.cacheBytes);
    return new ObjectWork(options, cache);
  }

  /** As `ObjectFetcher.bytes`. */
  get bytes(): ObjectFetcher["bytes"] {
    return this.#fetcher.bytes;
  }

  /** @throws {JobxError} as `listObjects`; what `io` throws; as `endOf`. */
  async list(
    work: Extract<Work, { kind: "list" }>,
    of: Pick<ObjectUnit, "volume" | "signal">,
  ): Promise<Outcome> {
    const { signal } = of;
    try {
      return await this.#list(work, of);
    } catch (error) {
      throw endOf(error, { object: "the list of objects", signal });
    }
  }

  async #list(
    work: Extract<Work, { kind: "list" }>,
    of: Pick<ObjectUnit, "volume" | "signal">,
  ): Promise<Outcome> {
    const { io, clock } = this.#options;
    const sources = await this.#values(wholeSlices(work.sources), sourceOf);
    const { cursor, limit } = work;
    const { objects, ...rest } = await listObjects({
      ...{ sources, cursor, limit, readers: this.#readers(of.volume) },
      nowMs: () => clock.nowMs(),
      signal: AbortSignal.any([of.signal, AbortSignal.timeout(work.timeoutMs)]),
    });
    const sink = io.yielded();
    await sink.add(objects.map(recordOfObject));
    const [children = []] = await sink.finish();
    return { kind: "listed", children, ...rest, warnings: [] };
  }

  /**
   * Brings the object of a unit here.
   * @throws {JobxError} as `ObjectFetcher.fetch`, `unpack`; what `io` throws; as `endOf`.
   */
  async bring(unit: ObjectUnit): Promise<ObjectHere> {
    const { signal } = unit;
    let name = "the object";
    try {
      const [object] = await this.#values(unit.input, objectOf);
      if (object === undefined) throw invalid("the unit has no object");
      name = objectName(object);
      return await this.#bring(object, unit);
    } catch (error) {
      throw endOf(error, { object: name, signal });
    }
  }

  async #bring(object: ObjectRef, unit: ObjectUnit): Promise<ObjectHere> {
    const { objects, volume, signal, timeoutMs, request, step } = unit;
    const workflow = volume?.workflow ?? "";
    const readers = this.#readers(volume);
    const name = objectName(object);
    const of: FetchFor = {
      ...{ step: `${request} ${step}`, ahead: objects.ahead, workflow, readers, signal, timeoutMs },
    };
    const fetched = await this.#fetcher.fetch(object, of);
    const packing = packingOf(name, objects.compression);
    const { form } = objects;
    if (form === "path") return this.#asFile(fetched, { name, packing, signal, timeoutMs });
    let malformed = new Malformed();
    return {
      name,
      input: () => {
        malformed = new Malformed();
        const content = unpack(createReadStream(fetched.path), { packing, object: name });
        const records = recordsOf(content, { form, object: name, malformed });
        return coded(records, { object: name, signal });
      },
      warnings: () => {
        const text = malformed.text(name);
        return text === undefined ? [] : [text];
      },
      release: fetched.release,
    };
  }

  /** A file of its own, since handlers may change what they are given; a local one is given as it is. */
  async #asFile(
    fetched: Fetched,
    of: {
      readonly name: string;
      readonly packing: ReturnType<typeof packingOf>;
      readonly signal: AbortSignal;
      readonly timeoutMs: number;
    },
  ): Promise<ObjectHere> {
    const { name, packing, timeoutMs } = of;
    if (fetched.origin === "local" && packing === undefined) return fileHere(name, fetched);
    this.#files += 1;
    const folder = join(this.#options.directory, "files", String(this.#files));
    // A handler may have left what cannot be removed: it goes at the next start.
    const remove = (): Promise<void> =>
      rm(folder, { recursive: true, force: true }).catch(() => undefined);
    const path = join(folder, fileNameOf(name, packing));
    const deadline = new Deadline(of.signal, timeoutMs, () => notUnpacked(name, timeoutMs));
    const { signal } = deadline;
    try {
      await mkdir(folder, { recursive: true });
      const content = unpack(createReadStream(fetched.path), { packing, object: name });
      const room = roomOn(folder);
      await pipeline(within(content, { object: name, room }), createWriteStream(path), { signal });
    } catch (error) {
      await remove();
      throw endOf(error, { object: name, signal });
    } finally {
      deadline.end();
      await fetched.release();
    }
    return fileHere(name, { path, release: remove });
  }

  #readers(volume: VolumeAccess | undefined): FetchFor["readers"] {
    return { url: HTTP_READER, s3: this.#s3, volume: new VolumeReader(volume), local: this.#local };
  }

  async #values<T>(
    slices: readonly PieceSlice[],
    parse: (value: unknown) => T,
  ): Promise<readonly T[]> {
    const values: T[] = [];
    for await (const records of this.#options.io.read(slices)) {
      for (const { value } of records) {
        values.push(parse(JSON.parse(Buffer.from(value).toString("utf8"))));
      }
    }
    return values;
  }
}

function fileHere(name: string, file: Pick<Fetched, "path" | "release">): ObjectHere {
  async function* input(): AsyncGenerator<readonly PairRecord[], void, undefined> {
    yield [pathRecord(name, file.path)];
  }
  return { name, input, warnings: () => [], release: file.release };
}

function sourceOf(value: unknown): ObjectSource {
  const source = parseSource(value);
  if (typeof source === "string") throw invalid(source);
  return source;
}

/** Written by a node of this cluster. */
function objectOf(value: unknown): ObjectRef {
  const fields: Readonly<Record<string, unknown>> =
    typeof value === "object" && value !== null ? { ...value } : {};
  const text = (name: string): string => {
    const field = fields[name];
    if (typeof field !== "string") throw invalid(`an object has no ${name}`);
    return field;
  };
  const some = (name: string): string | undefined =>
    fields[name] === undefined ? undefined : text(name);
  const bytes = typeof fields["bytes"] === "number" ? fields["bytes"] : 0;
  const version = some("version");
  switch (fields["type"]) {
    case "url":
      return { type: "url", url: text("url") };
    case "s3": {
      const place = { endpoint: some("endpoint"), region: some("region") };
      const [bucket, key] = [text("bucket"), text("key")];
      return { type: "s3", bucket, key, ...place, bytes, version };
    }
    case "volume":
      return { type: "volume", path: text("path"), bytes, version };
    case "local":
      return { type: "local", path: text("path"), bytes, version };
    default:
      throw invalid("an object of no known type");
  }
}

function recordOfObject(object: ObjectRef): PairRecord {
  return {
    key: encodeKey(objectName(object)),
    value: Buffer.from(JSON.stringify(object), "utf8"),
  };
}

function notUnpacked(object: string, timeoutMs: number): ObjectError {
  const message = `${object} was not unpacked within the ${timeoutMs} ms that its unit has`;
  return new ObjectError({ code: "OBJECT_FETCH_FAILED", object }, message);
}

function invalid(message: string): ObjectError {
  return new ObjectError({ code: "OBJECT_SOURCE_INVALID" }, message);
}
