/** What stands for whole volumes in tests of what is in front of them. */
import { Readable } from "node:stream";
import type { CallOptions } from "../../src/api/ports.ts";
import type {
  CarImport,
  CarImportAnswer,
  OpenCar,
  VolumeCopy,
  VolumeCopyAnswer,
  VolumeKeyView,
  VolumePort,
  VolumeSettings,
  VolumeView,
} from "../../src/api/volume-port.ts";
import { failure, normal } from "./fake-paths.ts";

/** The files that are in it. */
interface FakeTree {
  readonly nodes: ReadonlyMap<string, { readonly content: Buffer | undefined }>;
  readonly add: (path: string, content?: Buffer) => unknown;
}

const SETTINGS: VolumeSettings = {
  ...{ copies: 2, chunking: "fixed", quotaBytes: null, quotaFiles: null },
  sealed: false,
  erasure: null,
  ...{ versions: 0, versionsMs: 1000 },
};

export class FakeVolumes implements VolumePort {
  /** Of all workflows. */
  settings = SETTINGS;
  revision = 0;
  readonly #told: (method: string, input: unknown, options: CallOptions) => void;
  readonly #files: FakeTree;

  constructor(
    told: (method: string, input: unknown, options: CallOptions) => void,
    files: FakeTree,
  ) {
    this.#told = told;
    this.#files = files;
  }

  reset(): void {
    this.settings = SETTINGS;
    this.revision = 0;
  }

  copy(input: VolumeCopy, options: CallOptions): Promise<VolumeCopyAnswer> {
    this.#told("volumes.copy", input, options);
    const { nodes } = this.#files;
    const [from, to] = [normal(input.from), normal(input.to)];
    const node = nodes.get(from);
    if (node === undefined) throw failure("FS_NOT_FOUND");
    const isFolder = node.content === undefined;
    if (isFolder && !input.recursive) throw failure("FS_IS_DIRECTORY");
    if (input.exclusive && nodes.has(to)) throw failure("FS_EXISTS");
    const counts = { files: 0, directories: 0, links: 0, bytes: 0 };
    const copied = [...nodes].filter(([path]) => path === from || path.startsWith(`${from}/`));
    for (const [path, { content }] of copied) {
      this.#files.add(to + path.slice(from.length), content);
      if (content === undefined) counts.directories += path === from ? 0 : 1;
      else counts.files += 1;
      counts.bytes += content?.length ?? 0;
    }
    return Promise.resolve({ path: to, ...counts });
  }

  openCar(
    at: { readonly workflow: string; readonly path: string },
    options: CallOptions,
  ): Promise<OpenCar> {
    this.#told("volumes.openCar", at, options);
    const content = this.#files.nodes.get(normal(at.path))?.content;
    if (content === undefined) throw failure("FS_NOT_FOUND");
    return Promise.resolve({ cid: "bafkfake", archive: Readable.from([content]) });
  }

  /** The archive of a file is its content. */
  async importCar(
    input: CarImport,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<CarImportAnswer> {
    this.#told("volumes.importCar", input, options);
    const parts: Uint8Array[] = [];
    for await (const part of archive) parts.push(part);
    const content = Buffer.concat(parts);
    if (content.length === 0) throw failure("FS_CAR_MALFORMED");
    const path = normal(input.path);
    this.#files.add(path, content);
    const counts = { files: 1, directories: 0, links: 0, bytes: content.length };
    return { path, cid: "bafkfake", ...counts, copies: 2, copiesWanted: 2 };
  }

  show(at: { readonly workflow: string }, options: CallOptions): Promise<VolumeView> {
    this.#told("volumes.show", at, options);
    return Promise.resolve(this.#view(at.workflow));
  }

  change(input: Parameters<VolumePort["change"]>[0], options: CallOptions): Promise<VolumeView> {
    this.#told("volumes.change", input, options);
    const { revision = this.revision } = input;
    if (revision !== this.revision) throw failure("FS_CHANGED");
    this.settings = { ...this.settings, ...input.settings };
    this.revision += 1;
    return Promise.resolve(this.#view(input.workflow));
  }

  exportKey(at: { readonly workflow: string }, options: CallOptions): Promise<VolumeKeyView> {
    this.#told("volumes.exportKey", at, options);
    if (!this.settings.sealed) throw failure("FS_KEY_MISSING");
    return Promise.resolve({ ...at, id: "a".repeat(32), key: "k".repeat(43) });
  }

  restoreKey(
    input: { readonly workflow: string; readonly key: string },
    options: CallOptions,
  ): Promise<{ readonly nodes: number }> {
    this.#told("volumes.restoreKey", input, options);
    if (input.key !== "k".repeat(43)) throw failure("FS_KEY_WRONG");
    return Promise.resolve({ nodes: 1 });
  }

  #view(workflow: string): VolumeView {
    const files = [...this.#files.nodes.values()];
    const usedBytes = files.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
    const { settings, revision } = this;
    return { workflow, revision, ...settings, usedBytes, usedFiles: files.length };
  }
}
