/**
 * What a workflow's leader does about its tree of files: rows of what was removed are swept, pins that were
 * not renewed lapse, and what their uploads had put aside is removed, as are snapshots that they had begun and what
 * attempts wrote that are over. One bounded step at a time; a new leader goes on where the rows say.
 */
import { isOpen, placeOfToken } from "../scheduler/attempt-block.ts";
import { keys } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import {
  ATTEMPTS_FOLDER,
  attemptPath,
  tokenOfAttemptName,
} from "../scheduler/tree/attempts-folder.ts";
import {
  FS_EXPIRE_MAX,
  FS_LAPSE_MAX,
  FS_SWEEP_NAMES_MAX,
  type TreeCommand,
} from "../scheduler/tree/commands.ts";
import {
  nameOfSnapshotKey,
  placeOfEntryKey,
  placeOfPinDueKey,
  placeOfSweptKey,
  RETENTION_KEY,
  treeKeys,
  treePrefixes,
} from "../scheduler/tree/keys.ts";
import { listed, listingRange } from "../scheduler/tree/reads.ts";
import { PINS_MAX, ROOT_INODE } from "../scheduler/tree/rows.ts";
import { isUploadId, UPLOADS_FOLDER, uploadPath } from "../scheduler/tree/uploads-folder.ts";
import { dueOf } from "../scheduler/tree/versions.ts";
import type { WallClock } from "../std/clock.ts";
import { prefixEnd } from "../std/ordered-text.ts";
import type { StatePort } from "./ports.ts";

/** Folders of attempts looked at in one step. */
const ATTEMPTS_AT_ONCE = 256;

/** Histories that are looked at in one step, and between the ends of two rounds. */
const HISTORIES_PAGE = 256;
const ROUND_MS = 60_000;

/** Snapshots that are looked at in one step. */
const SNAPSHOTS_PAGE = 256;

interface TreeUpkeepDeps {
  readonly wall: WallClock;
  readonly state: () => StatePort<Row>;
  /** Resolves when the command is applied. */
  readonly propose: (command: TreeCommand) => Promise<unknown>;
}

export class TreeUpkeep {
  readonly #deps: TreeUpkeepDeps;
  /** The folder that was swept last, and its last name: what was deleted before it is not scanned again (R11). */
  #swept: { readonly directory: number; readonly name: string } | undefined;

  /** The last folder of an attempt that was looked at; undefined at the end of them. */
  #lookedAt: string | undefined;

  /** Whether something may be put aside whose upload has no pin: an earlier leader's lapses are not known here. */
  #mayBeStranded = true;

  /** The last history that was looked at in this round. */
  #histories: string | undefined;
  #roundDueMs = 0;

  constructor(deps: TreeUpkeepDeps) {
    this.#deps = deps;
  }

  /** True when there is probably more to do. @throws {JobxError} when the command is not taken. */
  async step(): Promise<boolean> {
    const swept = await this.#sweep();
    const lapsed = await this.#lapse();
    const over = await this.#removeOver();
    const expired = await this.#expire();
    return (await this.#removeStranded()) || expired || over || lapsed || swept;
  }

  async #sweep(): Promise<boolean> {
    const gte = treePrefixes.swept;
    const { rows } = await this.#deps.state().scan({ gte, lt: prefixEnd(gte), limit: 1 });
    const [first] = rows;
    if (first === undefined) return false;
    const { kind, number } = placeOfSweptKey(first[0]);
    if (kind === "content") {
      await this.#deps.propose({ kind: "fs-sweep-content", content: number });
      return true;
    }
    const names = await this.#namesOf(number);
    const name = names.at(-1);
    this.#swept = name === undefined ? undefined : { directory: number, name };
    await this.#deps.propose({ kind: "fs-sweep", directory: number, names });
    return true;
  }

  /** The next names of a removed folder; from the first one on when there seem to be no more. */
  async #namesOf(directory: number): Promise<readonly string[]> {
    const scan = async (after: string | undefined): Promise<readonly string[]> => {
      const range = { ...listingRange(directory, after), limit: FS_SWEEP_NAMES_MAX };
      const { rows } = await this.#deps.state().scan(range);
      return rows.map(([key]) => placeOfEntryKey(key).name);
    };
    const after = this.#swept?.directory === directory ? this.#swept.name : undefined;
    const names = await scan(after);
    return names.length > 0 || after === undefined ? names : scan(undefined);
  }

  async #lapse(): Promise<boolean> {
    const nowMs = this.#deps.wall.wallMs();
    const gte = treePrefixes.pinsDue;
    const range = { gte, lt: prefixEnd(gte), limit: FS_LAPSE_MAX };
    const { rows } = await this.#deps.state().scan(range);
    const keys = rows.map(([key]) => key).filter((key) => placeOfPinDueKey(key).expiresMs <= nowMs);
    if (keys.length === 0) return false;
    await this.#deps.propose({ kind: "fs-lapse", keys });
    this.#mayBeStranded = true;
    return keys.length === FS_LAPSE_MAX;
  }

  /**
   * What attempts have written that are over: their folders went with them, but what was on its way then makes
   * one anew. One at a time, and a page of folders at each look.
   */
  async #removeOver(): Promise<boolean> {
    const state = this.#deps.state();
    const [all] = await state.read([treeKeys.entry(ROOT_INODE, ATTEMPTS_FOLDER)]);
    if (all?.kind !== "fs-entry" || all.type !== "directory") return false;
    const range = { ...listingRange(all.inode, this.#lookedAt), limit: ATTEMPTS_AT_ONCE };
    const { rows, more } = await state.scan(range);
    const names = listed(rows).map(({ name }) => name);
    this.#lookedAt = more ? names.at(-1) : undefined;
    const tokens = names.flatMap((name) => tokenOfAttemptName(name) ?? []);
    const attempts = await state.read(
      tokens.map((token) => keys.attempt(placeOfToken(token).block)),
    );
    const over = tokens.find((token, place) => {
      const row = attempts[place];
      return row?.kind !== "attempt" || !isOpen(row.open, placeOfToken(token).at);
    });
    if (over === undefined) return this.#lookedAt !== undefined;
    await this.#deps.propose({
      kind: "fs-remove",
      place: { from: ROOT_INODE, path: attemptPath(over) },
    });
    return true;
  }

  /**
   * A page of histories, in rounds: what is due in it goes. There is no order by time, so that changed settings count
   * for all that is there.
   */
  async #expire(): Promise<boolean> {
    const nowMs = this.#deps.wall.wallMs();
    if (this.#histories === undefined && nowMs < this.#roundDueMs) return false;
    const prefix = treePrefixes.histories;
    const gte = this.#histories === undefined ? prefix : `${this.#histories}\0`;
    const state = this.#deps.state();
    const page = await state.scan({ gte, lt: prefixEnd(prefix), limit: HISTORIES_PAGE });
    const [row] = await state.read([RETENTION_KEY]);
    const retention = row?.kind === "fs-retention" && row.versions > 0 ? row : undefined;
    const keys = page.rows.flatMap(([key, history]) =>
      history.kind === "fs-history" && dueOf(history.versions, retention, nowMs).length > 0
        ? [key]
        : [],
    );
    if (keys.length > 0) {
      await this.#deps.propose({ kind: "fs-expire", keys: keys.slice(0, FS_EXPIRE_MAX) });
      // The same page again: one command takes away so much only.
      return true;
    }
    this.#histories = page.more ? page.rows.at(-1)?.[0] : undefined;
    if (this.#histories === undefined) this.#roundDueMs = nowMs + ROUND_MS;
    return this.#histories !== undefined;
  }

  /** One at a time: a pin begins before what it is for, and no id of an upload comes twice. */
  async #removeStranded(): Promise<boolean> {
    if (!this.#mayBeStranded) return false;
    const state = this.#deps.state();
    const [folder] = await state.read([treeKeys.entry(ROOT_INODE, UPLOADS_FOLDER)]);
    if (folder?.kind === "fs-entry" && folder.type === "directory") {
      const range = { ...listingRange(folder.inode, undefined), limit: PINS_MAX + 1 };
      const uploads = listed((await state.scan(range)).rows)
        .map(({ name }) => name)
        .filter(isUploadId);
      const pins = await state.read(uploads.map((upload) => treeKeys.pin(upload)));
      const stranded = uploads.find((_, at) => pins[at] === undefined);
      if (stranded !== undefined) {
        const place = { from: ROOT_INODE, path: uploadPath(stranded) };
        await this.#deps.propose({ kind: "fs-remove", place });
        return true;
      }
    }
    if (await this.#removeUnmade()) return true;
    this.#mayBeStranded = false;
    return false;
  }

  /** A snapshot whose making ended before its end. */
  async #removeUnmade(): Promise<boolean> {
    const state = this.#deps.state();
    const prefix = treePrefixes.snapshots;
    let more = true;
    for (let gte: string = prefix; more; ) {
      const page = await state.scan({ gte, lt: prefixEnd(prefix), limit: SNAPSHOTS_PAGE });
      const made = page.rows.flatMap(([key, row]) =>
        row.kind === "fs-snapshot" && row.upload !== undefined
          ? [{ name: nameOfSnapshotKey(key), upload: row.upload }]
          : [],
      );
      const pins = await state.read(made.map(({ upload }) => treeKeys.pin(upload)));
      const unmade = made.find((_, at) => pins[at] === undefined);
      if (unmade !== undefined) {
        await this.#deps.propose({ kind: "fs-snapshot-remove", ...unmade });
        return true;
      }
      ({ more } = page);
      gte = `${page.rows.at(-1)?.[0] ?? prefix}\0`;
    }
    return false;
  }
}
