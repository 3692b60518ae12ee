/** A workflow's volume at the nodes of a cluster, over their HTTP API. */
import { createReadStream } from "node:fs";
import type {
  BlockView,
  InodeAttribute,
  InodeChange,
  InodeCommitted,
  InodeView,
  OpenInode,
  VolumeUse,
} from "../../api/inode-port.ts";
import { sentBody } from "../../api/sent-body.ts";
import { VolumeError, volumeError } from "../errors.ts";
import { checkName } from "../file-name.ts";
import { UNDER_WAY_MS } from "../freshness.ts";
import type {
  AttributeChange,
  Attributes,
  Commit,
  Committed,
  DirectoryPage,
  EarlyContent,
  HoldId,
  InodeId,
  NewInode,
  OpenedFile,
  Place,
  Renamed,
  Volume,
  VolumeChange,
  VolumeSpace,
} from "../ports.ts";
import { BlockCache } from "./block-cache.ts";
import type { NearNodes } from "./near-nodes.ts";
import { keptChange, madeName, movedName, takenName } from "./own-changes.ts";
import type { EarlyName, RemoteCalls } from "./remote-calls.ts";
import { RemoteContent } from "./remote-content.ts";
import { RemoteNames } from "./remote-names.ts";
import { RemoteUploads, readAll } from "./remote-uploads.ts";
import { RemoteWatch } from "./remote-watch.ts";

/** Blocks of one file that are held: with chunks of 1 MiB a file of 256 GiB, and some 40 MB of list. */
const HELD_BLOCKS_MAX = 262_144;

/** Contents up to this size go with their call as they are. */
const DATA_BYTES_MAX = 128 << 10;

/** What `statfs` tells of files where nobody has set a bound. */
const FILES = 10_000_000;

/** Bytes of zeros that are sent at once where a file is filled. */
const ZEROS_BYTES = 1 << 20;

/** Whose the files are shown to be: nodes have no users in common. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export class RemoteVolume implements Volume {
  readonly root: InodeId;
  readonly dataBytesMax = DATA_BYTES_MAX;
  readonly #calls: RemoteCalls;
  readonly #owner: Owner;
  readonly #near: NearNodes;
  readonly #cache: BlockCache;
  readonly #watch: RemoteWatch;
  readonly #names: RemoteNames;
  readonly #uploads: RemoteUploads;
  readonly #holds = new Map<HoldId, RemoteContent>();
  #lastHold = 0;

  constructor(
    calls: RemoteCalls,
    options: {
      readonly root: InodeId;
      readonly owner: Owner;
      readonly near: NearNodes;
      readonly nowMs: () => number;
      /** How long the kernel goes by what it was told, at most. */
      readonly knownMs: number;
    },
  ) {
    const { root, owner, near, nowMs, knownMs } = options;
    this.root = root;
    this.#calls = calls;
    this.#owner = owner;
    this.#near = near;
    this.#uploads = new RemoteUploads(calls, near);
    this.#cache = new BlockCache(
      async (block, untilMs) => (await near.block(block, untilMs)) ?? (await calls.block(block)),
    );
    this.#watch = new RemoteWatch({
      ask: (query) => calls.changes(query),
      ...{ nowMs, forgottenMs: knownMs + UNDER_WAY_MS },
    });
    this.#names = new RemoteNames({ calls, watch: this.#watch, nowMs });
  }

  async lookup(place: Place): Promise<Attributes> {
    return this.#shown(await this.#names.lookup(place));
  }

  async getattr(inode: InodeId): Promise<Attributes> {
    return this.#shown(await this.#names.getattr(inode));
  }

  async setattr(inode: InodeId, change: AttributeChange): Promise<Attributes> {
    const { mode, bytes, uid, gid, mtimeNs } = change;
    const isOther = (id: number | undefined, own: number): boolean =>
      id !== undefined && id !== own;
    if (isOther(uid, this.#owner.uid) || isOther(gid, this.#owner.gid)) {
      throw volumeError("VOLUME_FORBIDDEN", "the files of a volume have no owners to change");
    }
    const mtimeMicros = mtimeNs === undefined ? undefined : microsOf(mtimeNs);
    if (bytes !== undefined) return this.#resize(inode, bytes, { mode, mtimeMicros });
    if (mode === undefined && mtimeMicros === undefined) return this.getattr(inode);
    const set = { inode, mode, mtimeMicros };
    return this.#changed(
      await this.#names.change(
        () => this.#calls.post<InodeChange>("inode/set", set),
        (answer) => keptChange(inode, answer),
      ),
    );
  }

  async list(
    directory: InodeId,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<DirectoryPage> {
    const { entries, next } = await this.#names.list(directory, page);
    return {
      entries: entries.map(({ name, ...one }) => ({ name, attributes: this.#shown(one) })),
      more: next !== null,
    };
  }

  async readlink(inode: InodeId): Promise<string> {
    const { target } = await this.#names.getattr(inode);
    if (target !== null) return target;
    throw new VolumeError({ code: "VOLUME_INVALID", reason: "no symlink" }, "no symlink");
  }

  async mkdir(place: Place, { mode }: NewInode): Promise<Attributes> {
    return this.#made(place, "mkdir", { mode });
  }

  async symlink(place: Place, target: string): Promise<Attributes> {
    return this.#made(place, "symlink", { target });
  }

  async link(inode: InodeId, place: Place): Promise<Attributes> {
    return this.#made(place, "link", { inode });
  }

  async unlink(place: Place): Promise<Attributes> {
    return this.#changed(await this.#take(place, false));
  }

  async rmdir(place: Place): Promise<void> {
    await this.#take(place, true);
  }

  async rename(
    from: Place,
    to: Place,
    { replace }: { readonly replace: boolean },
  ): Promise<Renamed> {
    checkName(to.name);
    const move = { ...from, toParent: to.parent, toName: to.name, exclusive: !replace };
    const change = await this.#names.change(
      () => this.#calls.post<InodeChange>("inode/rename", move),
      (answer) => movedName(from, to, answer),
    );
    const { replaced } = change;
    return {
      moved: this.#changed(change).inode,
      replaced: replaced === null ? undefined : this.#shown(replaced),
    };
  }

  async open(inode: InodeId, expected: Place | undefined): Promise<OpenedFile> {
    const asked = { inode, ...expected };
    return this.#held(
      await this.#names.sees(() => this.#calls.get<OpenInode>("inode/open", asked)),
    );
  }

  async read(
    hold: HoldId,
    range: { readonly at: number; readonly length: number },
  ): Promise<Uint8Array> {
    const content = this.#holds.get(hold);
    if (content === undefined) throw volumeError("VOLUME_STALE", "the content is not held");
    return content.read(range, this.#cache);
  }

  async close(hold: HoldId): Promise<void> {
    this.#holds.delete(hold);
  }

  async reserve(count: number): Promise<readonly InodeId[]> {
    const { first } = await this.#calls.post<{ readonly first: number }>("inode/reserve", {
      count,
    });
    return Array.from({ length: count }, (_, at) => first + at);
  }

  wantsPieces(stagingDirectory: string): Promise<boolean> {
    return this.#near.takesPieces(stagingDirectory);
  }

  beginEarly(): Promise<EarlyContent | undefined> {
    return this.#uploads.begin();
  }

  async commit(commit: Commit): Promise<Committed> {
    const { inode, place, data, path, paths, bytes, attributes, early } = commit;
    if (place !== undefined) checkName(place.name);
    const opened = await this.#put(inode, {
      ...{ place, early: this.#uploads.nameOf(early, bytes) },
      mode: attributes.mode,
      mtimeMicros: microsOf(attributes.mtimeNs),
      data,
      ...(paths === undefined && data === undefined && { staged: { path, bytes } }),
      content: () => contentOf(paths?.() ?? [path], bytes),
    });
    return { ...(await this.#held(opened)), taken: false };
  }

  async getxattr(inode: InodeId, name: string): Promise<Uint8Array> {
    const found = (await this.#attributes(inode)).find((one) => one.name === name);
    if (found !== undefined) return Buffer.from(found.value, "base64");
    throw volumeError("VOLUME_ATTRIBUTE_MISSING", "no such attribute");
  }

  async setxattr(
    inode: InodeId,
    attribute: {
      readonly name: string;
      readonly value: Uint8Array;
      readonly mode: "set" | "create" | "replace";
    },
  ): Promise<void> {
    const { name, mode } = attribute;
    const value = Buffer.from(attribute.value).toString("base64");
    const over = OVER[mode];
    try {
      await this.#setAttribute({ inode, name, value, over });
    } catch (error) {
      if (!(error instanceof VolumeError) || error.code !== "VOLUME_EXISTS") throw error;
      throw volumeError("VOLUME_ATTRIBUTE_EXISTS", error.message);
    }
  }

  async listxattr(inode: InodeId): Promise<readonly string[]> {
    return (await this.#attributes(inode)).map(({ name }) => name);
  }

  async removexattr(inode: InodeId, name: string): Promise<void> {
    await this.#setAttribute({ inode, name, value: null, over: "present" });
  }

  async statfs(): Promise<VolumeSpace> {
    const use = await this.#calls.get<VolumeUse>("space", {});
    const { usedBytes, usedInodes, freeBytes, quotaBytes, quotaInodes } = use;
    const filesTotal = quotaInodes ?? usedInodes + FILES;
    const room = quotaBytes === null ? freeBytes : Math.max(0, quotaBytes - usedBytes);
    const bytesFree = Math.min(room, freeBytes);
    return {
      bytesTotal: quotaBytes ?? usedBytes + freeBytes,
      ...{ bytesFree, filesTotal, filesFree: Math.max(0, filesTotal - usedInodes) },
    };
  }

  trustedMs(): number {
    return this.#watch.trustedMs();
  }

  changes(signal: AbortSignal): AsyncIterable<VolumeChange> {
    return this.#names.changes(signal);
  }

  async #attributes(inode: InodeId): Promise<readonly InodeAttribute[]> {
    const { attributes } = await this.#calls.get<{
      readonly attributes: readonly InodeAttribute[];
    }>("inode/attributes", { inode });
    return attributes;
  }

  /** Sends content for an inode. A try that was lost may have made the file: then it gets its content again. */
  #put(
    inode: InodeId,
    file: {
      readonly place: Commit["place"];
      readonly mode: number | undefined;
      readonly mtimeMicros: number | undefined;
      readonly early?: EarlyName | undefined;
      /** The content as a file of this machine. */
      readonly staged?: { readonly path: string; readonly bytes: number };
      /** The same, where it is short and in memory. */
      readonly data?: Uint8Array<ArrayBuffer> | undefined;
      readonly content: () => AsyncIterable<Uint8Array>;
    },
  ): Promise<InodeCommitted> {
    const { place, mode, mtimeMicros, early, staged, data, content } = file;
    const common = { inode, mode: mode?.toString(8), mtimeMicros };
    const query = async (isAgain: boolean): Promise<object> => {
      if (!isAgain) return { ...common, ...place };
      // What was sent before may still happen.
      this.#names.doubt();
      return place !== undefined && (await this.#isThere(inode)) ? common : { ...common, ...place };
    };
    return this.#names.change(
      () =>
        this.#calls.put<InodeCommitted>("inode/content", {
          ...{ query, early, data },
          staged: async () => staged && this.#near.staged(staged),
          content: () => sentBody(content()),
        }),
      (answer) =>
        place === undefined ? keptChange(inode, { inode: answer }) : madeName(place, answer),
    );
  }

  /** Something new, or another name, in a folder. */
  async #made(place: Place, what: "mkdir" | "symlink" | "link", how: object): Promise<Attributes> {
    checkName(place.name);
    const change = await this.#names.change(
      () => this.#calls.post<InodeChange>(`inode/${what}`, { ...place, ...how }),
      (answer) => madeName(place, answer?.inode ?? undefined, what === "mkdir"),
    );
    return this.#changed(change);
  }

  #take({ parent, name }: Place, folder: boolean): Promise<InodeChange> {
    const place = { parent, name };
    return this.#names.change(
      () => this.#calls.post<InodeChange>("inode/unlink", { ...place, folder }),
      (answer) => takenName(place, answer),
    );
  }

  async #setAttribute(attribute: {
    readonly inode: InodeId;
    readonly name: string;
    readonly value: string | null;
    readonly over: "any" | "absent" | "present";
  }): Promise<void> {
    await this.#names.change(
      () => this.#calls.post<InodeChange>("inode/attribute", attribute),
      (answer) => keptChange(attribute.inode, answer),
    );
  }

  async #isThere(inode: InodeId): Promise<boolean> {
    try {
      await this.getattr(inode);
      return true;
    } catch (error) {
      if (error instanceof VolumeError && error.code === "VOLUME_NOT_FOUND") return false;
      throw error;
    }
  }

  async #resize(
    inode: InodeId,
    bytes: number,
    change: { readonly mode: number | undefined; readonly mtimeMicros: number | undefined },
  ): Promise<Attributes> {
    const opened = await this.#calls.get<OpenInode>("inode/open", { inode });
    const before = await this.#contentOf(opened, 0);
    const content = (): AsyncIterable<Uint8Array> => resized(before, bytes, this.#cache);
    return this.#shown(await this.#put(inode, { ...change, place: undefined, content }));
  }

  async #held(opened: OpenInode): Promise<OpenedFile> {
    const content = await this.#contentOf(opened, await this.#near.untilMs());
    this.#lastHold += 1;
    const hold = String(this.#lastHold);
    this.#holds.set(hold, content);
    return { attributes: this.#shown(opened), hold };
  }

  /** @throws {VolumeError} `VOLUME_FILE_TOO_LARGE` for more blocks than are held. */
  async #contentOf(
    { blocks, list, parts }: OpenInode,
    nearUntilMs: number,
  ): Promise<RemoteContent> {
    if (list === null) return new RemoteContent(blocks, nearUntilMs);
    const all: BlockView[] = [];
    for (let part = 0; part < parts; part += 1) {
      const more = await this.#calls.get<{ readonly blocks: readonly BlockView[] }>(
        "inode/blocks",
        { list, part },
      );
      all.push(...more.blocks);
      if (all.length > HELD_BLOCKS_MAX) {
        throw volumeError("VOLUME_FILE_TOO_LARGE", `more than ${HELD_BLOCKS_MAX} blocks`);
      }
    }
    return new RemoteContent(all, nearUntilMs);
  }

  #changed({ inode }: InodeChange): Attributes {
    // Somebody else has removed it as soon as it was made.
    if (inode === null) throw volumeError("VOLUME_NOT_FOUND", "it is gone again");
    return this.#shown(inode);
  }

  #shown(view: InodeView): Attributes {
    const { inode, type: kind, mode, links, bytes, target, content } = view;
    return {
      ...{ inode, kind, mode, links, ...this.#owner },
      bytes: target === null ? bytes : Buffer.byteLength(target),
      mtimeNs: BigInt(view.mtimeMicros) * 1000n,
      ctimeNs: BigInt(view.changedMs) * 1_000_000n,
      content: content ?? undefined,
    };
  }
}

const OVER = { set: "any", create: "absent", replace: "present" } as const;

/** Rounded towards the past, as filesystems with coarser times do. */
function microsOf(ns: bigint): number {
  const micros = ns / 1000n;
  return Number(ns < 0n && micros * 1000n !== ns ? micros - 1n : micros);
}

/** What is in these files, one after the other. */
function contentOf(paths: readonly string[], bytes: number): AsyncIterable<Uint8Array> {
  if (bytes === 0) return readAll([]);
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) return createReadStream(only, { end: bytes - 1 });
  return readAll(paths);
}

/** The content cut, or filled with zeros. */
async function* resized(
  before: RemoteContent,
  bytes: number,
  cache: BlockCache,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; ) {
    const length = Math.min(ZEROS_BYTES, bytes - at);
    const data =
      at < before.bytes ? await before.read({ at, length }, cache) : new Uint8Array(length);
    yield data;
    at += data.length;
  }
}
