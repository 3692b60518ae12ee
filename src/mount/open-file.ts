/**
 * A file that is open on this mount, however often. O1: all that write to it share one staging file, from
 * which everybody here reads. O2: what was written gets to the volume as a whole, at close or fsync. O3:
 * after an error nothing is committed, so that no half content takes the place of a whole one.
 */
import { EarlyPieces } from "./early-pieces.ts";
import { VolumeError } from "./errors.ts";
import type {
  AttributeChange,
  Attributes,
  Commit,
  ContentId,
  EarlyContent,
  HoldId,
  OpenedFile,
  Place,
  Volume,
} from "./ports.ts";
import { StagedData, type StagingMemory } from "./staged-data.ts";
import { StagedPieces } from "./staged-pieces.ts";
import { StagingFile } from "./staging-file.ts";

/** Bytes that are fetched at once of content that is going to be changed. */
const FETCH_BYTES = 1 << 20;

const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;
const GROUP_EXECUTES = 0o0010;

/** Where a new file will have its name; `exclusive` when it must not be there by then. */
export type NewPlace = Place & { readonly exclusive: boolean };

export interface OpenFileOptions {
  readonly volume: Volume;
  readonly stagingDirectory: string;
  readonly memory: StagingMemory;
  readonly wallNs: () => bigint;
  /** Called when a new file has its name in the volume. */
  readonly onPlaced: (file: OpenFile, place: NewPlace) => void;
}

export class OpenFile {
  /** How many handles refer to it. */
  handles = 0;
  readonly #options: OpenFileOptions;
  #attributes: Attributes;
  #place: NewPlace | undefined;
  #hold: HoldId | undefined;
  #staging: StagedData | undefined;
  /** Of what is staged. */
  #early: EarlyPieces | undefined;
  #isDirty = false;
  #isOrphan = false;
  /** The mode was changed along with the content, and goes with the next commit. */
  #modeChanged = false;
  #failure: Error | undefined;
  #failureTold = false;
  #changes = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: OpenFileOptions, attributes: Attributes) {
    this.#options = options;
    this.#attributes = attributes;
  }

  /** A file that the volume does not know yet. */
  static make(options: OpenFileOptions, attributes: Attributes, place: NewPlace): OpenFile {
    const file = new OpenFile(options, attributes);
    file.#place = place;
    file.#isDirty = true;
    return file;
  }

  /** A file of the volume; `opened` is closed with the last handle. */
  static known(options: OpenFileOptions, opened: OpenedFile): OpenFile {
    const file = new OpenFile(options, opened.attributes);
    file.#hold = opened.hold;
    return file;
  }

  get place(): NewPlace | undefined {
    return this.#place;
  }

  get isOrphan(): boolean {
    return this.#isOrphan;
  }

  /** It has writes that no volume has. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Rises with each change that was made to the content here. */
  get changes(): number {
    return this.#changes;
  }

  /** What the kernel may keep pages of; undefined while it differs from all that is committed. */
  get content(): ContentId | undefined {
    return this.#isDirty ? undefined : this.#attributes.content;
  }

  /** As this mount shows it: what was written here counts. */
  get attributes(): Attributes {
    const staging = this.#staging;
    return staging === undefined || !this.#isDirty
      ? this.#attributes
      : { ...this.#attributes, bytes: staging.bytes, content: undefined };
  }

  /** What the volume says is taken over, unless this mount is ahead of it. */
  refresh(attributes: Attributes): Attributes {
    if (this.#isOrphan || this.#place !== undefined) return this.attributes;
    if (!this.#isDirty) return attributes;
    const { bytes, mtimeNs } = this.attributes;
    return { ...attributes, bytes, mtimeNs, content: undefined };
  }

  /**
   * Goes on from content that somebody else has committed, unless this mount is ahead of it. True when
   * the hold was taken over.
   */
  async adopt(opened: OpenedFile): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#isDirty || this.#isOrphan) return false;
      const before = this.#hold;
      this.#unstage();
      this.#attributes = opened.attributes;
      this.#hold = opened.hold;
      this.#changes += 1;
      if (before !== undefined) await this.#options.volume.close(before);
      return true;
    });
  }

  /** Up to `length` bytes. @throws {JobxError} of the volume. */
  async read(range: { readonly at: number; readonly length: number }): Promise<Uint8Array> {
    // Behind whatever is being written or committed, or the file might change its place meanwhile.
    if (this.#staging !== undefined) return this.#inTurn(() => this.#readNow(range));
    return this.#readNow(range);
  }

  async #readNow(range: { readonly at: number; readonly length: number }): Promise<Uint8Array> {
    if (this.#staging !== undefined) return this.#staging.read(range);
    if (this.#hold === undefined) return new Uint8Array(0);
    return this.#options.volume.read(this.#hold, range);
  }

  /** @throws {Error} when staging fails; from then on nothing of it is committed. */
  async write(data: Uint8Array, at: number, killPrivileges: boolean): Promise<void> {
    await this.#change(async () => {
      const staging = await this.#stage(false);
      const before = staging.bytes;
      staging.write(data, at);
      this.#early?.wrote({ at, length: data.length, before });
      if (killPrivileges) this.killPrivileges();
    });
  }

  async truncate(bytes: number): Promise<void> {
    await this.#change(async () => {
      const staging = await this.#stage(bytes === 0);
      const before = staging.bytes;
      staging.truncate(bytes);
      this.#early?.cut({ bytes, before });
    });
  }

  /** After a change by somebody who may not keep them: no set-user-id, no set-group-id. */
  killPrivileges(): void {
    const { mode } = this.#attributes;
    const lost = SET_USER_ID | ((mode & GROUP_EXECUTES) === 0 ? 0 : SET_GROUP_ID);
    if ((mode & lost) === 0) return;
    this.#attributes = { ...this.#attributes, mode: mode & ~lost };
    this.#modeChanged = true;
  }

  /**
   * Changes what stands beside the content, as far as it goes with the next commit; answers what is
   * left for the volume to change at once.
   */
  change(change: AttributeChange): AttributeChange {
    const { mode, uid, gid, mtimeNs } = change;
    const none = { mode: undefined, uid: undefined, gid: undefined, bytes: undefined };
    if (!this.#isDirty && !this.#isOrphan) return change;
    const ctimeNs = this.#options.wallNs();
    if (mtimeNs !== undefined) this.#attributes = { ...this.#attributes, mtimeNs, ctimeNs };
    if (this.#place === undefined && !this.#isOrphan) return { ...change, mtimeNs: undefined };
    const before = this.#attributes;
    this.#attributes = {
      ...before,
      mode: mode ?? before.mode,
      uid: uid ?? before.uid,
      gid: gid ?? before.gid,
      ctimeNs,
    };
    return { ...none, mtimeNs: undefined };
  }

  /** The volume has changed something beside the content. */
  changed(attributes: Attributes): void {
    if (this.#place !== undefined) return;
    const { mtimeNs, content, bytes } = this.#attributes;
    this.#attributes = this.#isDirty ? { ...attributes, mtimeNs, content, bytes } : attributes;
  }

  /**
   * Brings what was written to the volume, if anything was.
   * @throws {JobxError} of the volume, and what went wrong while it was written
   */
  async commit(reason: "close" | "fsync"): Promise<void> {
    await this.#inTurn(() => this.#commitNow(reason));
  }

  /** Its last name is gone: what is written from now on is for those who have it open. */
  orphan(attributes: Attributes | undefined): void {
    this.#isOrphan = true;
    this.#place = undefined;
    this.#early?.end();
    this.#attributes = { ...this.attributes, links: attributes?.links ?? 0 };
  }

  /** What was written is given up: whoever still has the file open gets `error` for all that follows. */
  fail(error: unknown): void {
    this.#failure ??= asError(error);
    this.#failureTold = true;
  }

  /**
   * The last handle is gone. What is not committed is; then, unless somebody has opened it meanwhile,
   * `onEnd` is called, after which nobody may open it any more.
   * @throws {JobxError} when something was lost that nobody was told of
   */
  async end(onEnd: () => void): Promise<void> {
    await this.#inTurn(async () => {
      try {
        if (!this.#failureTold) await this.#commitNow("close");
      } finally {
        if (this.handles === 0) await this.#drop(onEnd);
      }
    });
  }

  async #drop(onEnd: () => void): Promise<void> {
    onEnd();
    const hold = this.#hold;
    this.#hold = undefined;
    this.#unstage();
    if (hold !== undefined) await this.#options.volume.close(hold);
  }

  #unstage(): void {
    this.#early?.end();
    this.#early = undefined;
    this.#staging?.remove();
    this.#staging = undefined;
  }

  async #commitNow(reason: "close" | "fsync"): Promise<void> {
    if (this.#failure !== undefined) {
      this.#failureTold = true;
      throw this.#failure;
    }
    if (!this.#isDirty || this.#isOrphan) return;
    const staging = await this.#stage(true);
    try {
      await this.#commitStaged(staging, reason);
      this.#failureTold = false;
    } catch (error) {
      this.#failureTold = true;
      throw error;
    }
  }

  async #commitStaged(staging: StagedData, reason: "close" | "fsync"): Promise<void> {
    const { volume, onPlaced } = this.#options;
    const { inode, mode, uid, gid, mtimeNs } = this.#attributes;
    const place = this.#place;
    const isNew = place !== undefined;
    const early = await this.#giveAll(staging, reason);
    const committed = await volume.commit({
      inode,
      place,
      ...whereOf(staging, early),
      bytes: staging.bytes,
      attributes: {
        mode: isNew || this.#modeChanged ? mode : undefined,
        uid: isNew ? uid : undefined,
        gid: isNew ? gid : undefined,
        bytes: undefined,
        mtimeNs,
      },
      mayTake: reason === "close",
      ...{ reason, early },
    });
    const before = this.#hold;
    this.#hold = committed.hold;
    this.#attributes = committed.attributes;
    this.#isDirty = false;
    this.#modeChanged = false;
    this.#place = undefined;
    if (committed.taken) {
      this.#early?.end();
      this.#early = undefined;
      this.#staging = undefined;
      staging.letGo();
    }
    if (place !== undefined) onPlaced(this, place);
    if (before !== undefined) await volume.close(before);
  }

  async #giveAll(
    staging: StagedData,
    reason: "close" | "fsync",
  ): Promise<EarlyContent | undefined> {
    const begins = reason === "fsync";
    const given =
      (await this.#early?.all(staging.bytes, { begins })) ??
      // What the node has forgotten it takes anew at no cost.
      (staging.inPieces ? await this.#early?.all(staging.bytes, { begins }) : undefined);
    staging.settled();
    return given;
  }

  async #change(run: () => Promise<void>): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await run();
      } catch (error) {
        // O3: a volume that could not be asked has changed nothing; a write that stopped half way has.
        if (!(error instanceof VolumeError)) this.#failure = asError(error);
        throw error;
      }
      this.#isDirty = true;
      this.#changes += 1;
      const nowNs = this.#options.wallNs();
      this.#attributes = { ...this.#attributes, mtimeNs: nowNs, ctimeNs: nowNs };
    });
  }

  /** The staging file; when there is none yet, one with the content so far, or an empty one. */
  async #stage(isEmpty: boolean): Promise<StagedData> {
    if (this.#staging !== undefined) return this.#staging;
    const { stagingDirectory, memory, volume } = this.#options;
    const inPieces = await volume.wantsPieces(stagingDirectory);
    const staging = new StagedData({
      ...{ memory, memoryBytesMax: volume.dataBytesMax, inPieces },
      onDisk: () =>
        inPieces ? new StagedPieces(stagingDirectory) : new StagingFile(stagingDirectory),
    });
    const early = new EarlyPieces(staging, () => volume.beginEarly());
    try {
      if (!isEmpty && this.#hold !== undefined) await this.#fetch(this.#hold, staging);
      early.holds(staging.bytes);
    } catch (error) {
      staging.remove();
      throw error;
    }
    this.#staging = staging;
    this.#early = early;
    return staging;
  }

  async #fetch(hold: HoldId, staging: StagedData): Promise<void> {
    for (let at = 0; at < this.#attributes.bytes; ) {
      const length = Math.min(FETCH_BYTES, this.#attributes.bytes - at);
      const data = await this.#options.volume.read(hold, { at, length });
      if (data.length === 0) {
        const reason = "content ends before its size";
        throw new VolumeError({ code: "VOLUME_DAMAGED", reason }, reason);
      }
      staging.write(data, at);
      at += data.length;
    }
  }

  /** One after the other; how many wait is bounded by the requests that are let in. */
  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** Where a volume finds what is staged, if it has not got it already. */
function whereOf(
  staging: StagedData,
  early: EarlyContent | undefined,
): Pick<Commit, "data" | "path" | "paths"> {
  const data = early === undefined ? staging.data() : undefined;
  if (data !== undefined) return { data, path: "" };
  const pathsOf = (): readonly string[] => {
    const whole = staging.whole();
    return whole.kind === "pieces" ? whole.paths : [whole.path];
  };
  if (early !== undefined) return { path: "", paths: pathsOf };
  const whole = staging.whole();
  return whole.kind === "file" ? { path: whole.path } : { path: "", paths: pathsOf };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
