/** What stands for snapshots in tests of what is in front of them: what they have lies below `/@NAME`. */
import type { FileAt } from "../../src/api/file-port.ts";
import type { CallOptions } from "../../src/api/ports.ts";
import type {
  HistoryView,
  Restore,
  SnapshotList,
  SnapshotPort,
  SnapshotView,
  VersionView,
} from "../../src/api/snapshot-port.ts";
import type { VolumeCopyAnswer } from "../../src/api/volume-port.ts";
import { failure, normal } from "./fake-paths.ts";

/** The files that are in it. */
interface FakeTree {
  readonly nodes: Map<string, { readonly content: Buffer | undefined }>;
  readonly add: (path: string, content?: Buffer) => unknown;
}

/** Where a fake volume has what is meant. */
export function fakePath({ path, snapshot }: Pick<FileAt, "path" | "snapshot">): string {
  if (snapshot === undefined) return normal(path);
  return `/@${snapshot}${normal(path)}`.replace(/\/$/u, "");
}

export class FakeSnapshots implements SnapshotPort {
  readonly #told: (method: string, input: unknown, options: CallOptions) => void;
  readonly #files: FakeTree;
  /** Of every path. */
  versions: readonly VersionView[] = [];
  readonly #snapshots = new Map<string, SnapshotView>();

  constructor(
    told: (method: string, input: unknown, options: CallOptions) => void,
    files: FakeTree,
  ) {
    this.#told = told;
    this.#files = files;
  }

  reset(): void {
    this.#snapshots.clear();
    this.versions = [];
  }

  take(at: Parameters<SnapshotPort["take"]>[0], options: CallOptions): Promise<SnapshotView> {
    this.#told("snapshots.take", at, options);
    const { name = "now", path } = at;
    if (this.#snapshots.has(name)) throw failure("FS_EXISTS");
    const counts = this.#copy(normal(path), `/@${name}`);
    const taken = "2026-01-31T08:00:00.000Z";
    const view = { name, path: normal(path), cid: `bafy${name}`, taken, ...counts };
    this.#snapshots.set(name, view);
    return Promise.resolve(view);
  }

  list(at: Parameters<SnapshotPort["list"]>[0], options: CallOptions): Promise<SnapshotList> {
    this.#told("snapshots.list", at, options);
    const names = [...this.#snapshots.keys()].sort().filter((name) => name > (at.after ?? ""));
    const page = names.slice(0, at.limit);
    const next = names.length > page.length ? (page.at(-1) ?? null) : null;
    return Promise.resolve({ snapshots: page.map((name) => this.#find(name)), next });
  }

  show(at: Parameters<SnapshotPort["show"]>[0], options: CallOptions): Promise<SnapshotView> {
    this.#told("snapshots.show", at, options);
    return Promise.resolve(this.#find(at.name));
  }

  remove(at: Parameters<SnapshotPort["remove"]>[0], options: CallOptions): Promise<SnapshotView> {
    this.#told("snapshots.remove", at, options);
    const view = this.#find(at.name);
    this.#snapshots.delete(at.name);
    return Promise.resolve(view);
  }

  restore(input: Restore, options: CallOptions): Promise<VolumeCopyAnswer> {
    this.#told("snapshots.restore", input, options);
    this.#find(input.snapshot);
    const to = normal(input.to);
    if (this.#files.nodes.has(to) && !input.replace) throw failure("FS_NOT_EMPTY");
    return Promise.resolve({ path: to, ...this.#copy(fakePath(input), to) });
  }

  history(at: Parameters<SnapshotPort["history"]>[0], options: CallOptions): Promise<HistoryView> {
    this.#told("snapshots.history", at, options);
    return Promise.resolve({ path: normal(at.path), versions: this.versions });
  }

  restoreVersion(
    input: Parameters<SnapshotPort["restoreVersion"]>[0],
    options: CallOptions,
  ): Promise<VolumeCopyAnswer> {
    this.#told("snapshots.restoreVersion", input, options);
    if (!this.versions.some(({ version }) => version === input.version)) {
      throw failure("FS_NOT_FOUND");
    }
    const counts = { files: 1, directories: 0, links: 0, bytes: 6 };
    return Promise.resolve({ path: normal(input.to), ...counts });
  }

  #copy(from: string, to: string): Omit<VolumeCopyAnswer, "path"> {
    const counts = { files: 0, directories: 0, links: 0, bytes: 0 };
    const above = from === "/" ? "" : from;
    for (const [path, { content }] of [...this.#files.nodes]) {
      if (path !== from && !path.startsWith(`${above}/`)) continue;
      this.#files.add(to + path.slice(above.length), content);
      if (content === undefined) counts.directories += path === from ? 0 : 1;
      else counts.files += 1;
      counts.bytes += content?.length ?? 0;
    }
    return counts;
  }

  #find(name: string): SnapshotView {
    const view = this.#snapshots.get(name);
    if (view === undefined) throw failure("FS_NOT_FOUND");
    return view;
  }
}
