/** Names and inodes of a volume at a cluster: what is known under the lease is not asked for again. */
import type { InodeList, InodeView } from "../../api/inode-port.ts";
import { VolumeError, volumeError } from "../errors.ts";
import type { InodeId, Place, VolumeChange } from "../ports.ts";
import { KnownTree, type OwnChange } from "./known-tree.ts";
import { stat } from "./own-changes.ts";
import type { RemoteCalls } from "./remote-calls.ts";
import type { RemoteWatch } from "./remote-watch.ts";

/** Names of one folder that are asked for one by one before the folder is listed. */
const MISSES_BEFORE_LISTING = 4;

/** Pages that are listed so, of a thousand names each, and how long the folder is not listed so again. */
const AHEAD_PAGES = 16;
const AHEAD_AGAIN_MS = 30_000;

/** Folders of which it is counted. */
const FOLDERS_COUNTED = 64;

/** Names that one call lists, as many as a node tells at once. */
const PAGE_NAMES = 1000;

/** For so long a change of which it is not known what it came to may still happen, and is told to nobody here. */
const DOUBT_MS = 30_000;

interface Missed {
  misses: number;
  /** It is not listed before. */
  notBeforeMs: number;
}

export interface RemoteNamesDeps {
  readonly calls: Pick<RemoteCalls, "get">;
  readonly watch: Pick<RemoteWatch, "trustedMs" | "changes">;
  readonly nowMs: () => number;
}

export class RemoteNames {
  readonly #deps: RemoteNamesDeps;
  readonly #known = new KnownTree();
  readonly #missed = new Map<InodeId, Missed>();
  #doubtUntilMs: number | undefined;

  constructor(deps: RemoteNamesDeps) {
    this.#deps = deps;
  }

  /** @throws {VolumeError} as `Volume.lookup`. */
  async lookup(place: Place): Promise<InodeView> {
    const known = this.#isUsable() ? this.#known.named(place) : undefined;
    if (known === "absent") throw volumeError("VOLUME_NOT_FOUND", "no such name");
    if (known !== undefined) return known;
    this.#missedIn(place.parent);
    const look = this.#known.look();
    const { parent: inode, name } = place;
    const view = await this.#deps.calls.get<InodeView>("inode", { inode, name });
    this.#known.sawName(place, view, look);
    return view;
  }

  /** @throws {VolumeError} as `Volume.getattr`. */
  async getattr(inode: InodeId): Promise<InodeView> {
    const known = this.#isUsable() ? this.#known.inode(inode) : undefined;
    if (known !== undefined) return known;
    const look = this.#known.look();
    const view = await this.#deps.calls.get<InodeView>("inode", { inode });
    this.#known.sawInode(view, look);
    return view;
  }

  /** @throws {VolumeError} as `Volume.list`. */
  async list(
    folder: InodeId,
    { after, limit }: { readonly after: string | undefined; readonly limit: number },
  ): Promise<InodeList> {
    const look = this.#known.listing(folder, after);
    const page = { inode: folder, after, limit: Math.min(limit, PAGE_NAMES) };
    const list = await this.#deps.calls.get<InodeList>("inode/list", page);
    this.#known.sawPage(folder, { ...list, after }, look);
    return list;
  }

  /** Something is asked of the volume, and answered with an inode. */
  async sees<Answer extends InodeView>(ask: () => Promise<Answer>): Promise<Answer> {
    const look = this.#known.look();
    const answer = await ask();
    this.#known.sawInode(stat(answer), look);
    return answer;
  }

  /** Changes something: `what` says by the answer what it came to, and of what nobody knows what became without one. */
  async change<Answer>(
    make: () => Promise<Answer>,
    what: (answer: Answer | undefined) => OwnChange,
  ): Promise<Answer> {
    const look = this.#known.look();
    try {
      const answer = await make();
      this.#known.changed(what(answer), look);
      return answer;
    } catch (error) {
      if (isRefusal(error)) this.#known.changed(what(undefined), look);
      else this.doubt();
      throw error;
    }
  }

  /** A change was sent of which it is not known whether it happened, or will. */
  doubt(): void {
    this.#known.forgetAll();
    this.#doubtUntilMs = this.#deps.nowMs() + DOUBT_MS;
  }

  /** As `Volume.changes`. */
  async *changes(signal: AbortSignal): AsyncGenerator<VolumeChange> {
    for await (const change of this.#deps.watch.changes(signal)) {
      this.#known.heard(change);
      yield change;
    }
  }

  #isUsable(): boolean {
    const isTrusted = this.#deps.watch.trustedMs() > 0;
    if (this.#doubtUntilMs === undefined) return isTrusted;
    if (this.#deps.nowMs() < this.#doubtUntilMs) return false;
    // What was asked for meanwhile may have been before the change.
    this.#known.forgetAll();
    this.#doubtUntilMs = undefined;
    return isTrusted;
  }

  /** Who asks for several names of a folder is likely to ask for more: it is listed, beside. */
  #missedIn(folder: InodeId): void {
    const missed = this.#missed.get(folder) ?? { misses: 0, notBeforeMs: 0 };
    missed.misses += 1;
    this.#missed.delete(folder);
    this.#missed.set(folder, missed);
    for (const oldest of this.#missed.keys()) {
      if (this.#missed.size <= FOLDERS_COUNTED) break;
      this.#missed.delete(oldest);
    }
    const nowMs = this.#deps.nowMs();
    if (missed.misses < MISSES_BEFORE_LISTING || nowMs < missed.notBeforeMs) return;
    // Without a lease nothing of it may be gone by.
    if (this.#deps.watch.trustedMs() === 0) return;
    missed.misses = 0;
    missed.notBeforeMs = nowMs + AHEAD_AGAIN_MS;
    this.#listAhead(folder).catch(() => undefined);
  }

  async #listAhead(folder: InodeId): Promise<void> {
    let after: string | undefined;
    for (let pages = 0; pages < AHEAD_PAGES; pages += 1) {
      const { next } = await this.list(folder, { after, limit: PAGE_NAMES });
      if (next === null) return;
      after = next;
    }
  }
}

/** The cluster has said that it did not happen. */
function isRefusal(error: unknown): boolean {
  return error instanceof VolumeError && error.code !== "VOLUME_UNAVAILABLE";
}
