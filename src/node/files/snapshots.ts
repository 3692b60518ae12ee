/** Snapshots behind the API: taken of one moment, listed, removed, and brought back. */
import type { CallOptions } from "../../api/call-options.ts";
import type {
  HistoryView,
  Restore,
  SnapshotList,
  SnapshotPort,
  SnapshotView,
} from "../../api/snapshot-port.ts";
import type { VolumeCopyAnswer } from "../../api/volume-port.ts";
import type { FileCalls } from "./file-calls.ts";
import { findVersion, historyView, versionsOf } from "./history.ts";
import { restoreTree } from "./restore.ts";
import { findSnapshot, type NamedSnapshot, snapshotsPage } from "./snapshot-rows.ts";
import { takeSnapshot } from "./take-snapshot.ts";
import { pathOf } from "./tree-reader.ts";

export class Snapshots implements SnapshotPort {
  readonly #calls: FileCalls;

  constructor(calls: FileCalls) {
    this.#calls = calls;
  }

  async take(at: Parameters<SnapshotPort["take"]>[0], options: CallOptions): Promise<SnapshotView> {
    const call = await this.#calls.begin(at.workflow, options);
    const name = at.name ?? new Date().toISOString().replaceAll(":", "-");
    const what = { path: pathOf(at.path), name };
    await takeSnapshot(this.#calls.snapshotDeps(call), what, { call, signal: options.signal });
    return viewOf(await findSnapshot(this.#calls.reader, call, name));
  }

  async list(at: Parameters<SnapshotPort["list"]>[0], options: CallOptions): Promise<SnapshotList> {
    const call = await this.#calls.begin(at.workflow, options);
    const { snapshots, next } = await snapshotsPage(this.#calls.reader, call, at);
    return { snapshots: snapshots.map(viewOf), next: next ?? null };
  }

  async show(at: Parameters<SnapshotPort["show"]>[0], options: CallOptions): Promise<SnapshotView> {
    const call = await this.#calls.begin(at.workflow, options);
    return viewOf(await findSnapshot(this.#calls.reader, call, at.name));
  }

  async remove(
    at: Parameters<SnapshotPort["remove"]>[0],
    options: CallOptions,
  ): Promise<SnapshotView> {
    const call = await this.#calls.begin(at.workflow, options);
    const found = await findSnapshot(this.#calls.reader, call, at.name);
    const { name } = found;
    await this.#calls.command(call, { kind: "fs-snapshot-remove", name, upload: undefined });
    return viewOf(found);
  }

  async restore(input: Restore, options: CallOptions): Promise<VolumeCopyAnswer> {
    const call = await this.#calls.begin(input.workflow, options);
    const { row } = await findSnapshot(this.#calls.reader, call, input.snapshot);
    const { path, to, replace } = input;
    const what = { from: row.directory, path: pathOf(path), to: pathOf(to), replace };
    return restoreTree(this.#calls.snapshotDeps(call), what, { call, signal: options.signal });
  }

  async history(
    at: Parameters<SnapshotPort["history"]>[0],
    options: CallOptions,
  ): Promise<HistoryView> {
    const call = await this.#calls.begin(at.workflow, options);
    const path = pathOf(at.path);
    return historyView(path, await versionsOf(this.#calls.reader, call, path));
  }

  async restoreVersion(
    input: Parameters<SnapshotPort["restoreVersion"]>[0],
    options: CallOptions,
  ): Promise<VolumeCopyAnswer> {
    const call = await this.#calls.begin(input.workflow, options);
    const { version } = input;
    const at = { path: pathOf(input.path), version };
    const { inode: from } = await findVersion(this.#calls.reader, call, at);
    const what = { from, path: "", to: pathOf(input.to), replace: false };
    return restoreTree(this.#calls.snapshotDeps(call), what, { call, signal: options.signal });
  }
}

function viewOf({ name, root: cid, row }: NamedSnapshot): SnapshotView {
  const { path, takenMs, counts } = row;
  return { name, path, cid, taken: new Date(takenMs).toISOString(), ...counts };
}
