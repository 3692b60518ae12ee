/** Takes a content archive in: its blocks first, then the tree that they are, which is seen whole or not at all. */
import { randomUUID } from "node:crypto";
import type { CarImport, CarImportAnswer } from "../../api/volume-port.ts";
import type { LinkTarget } from "../../fs/content/content-id.ts";
import { formatContentId } from "../../fs/content/content-id.ts";
import { FileTreeBuilder } from "../../fs/content/file-tree.ts";
import {
  type WalkedEntry,
  type WalkedFile,
  walkedContent,
  walkTree,
} from "../../fs/content/tree-walk.ts";
import type { SealKey } from "../../fs/seal.ts";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { namesOf } from "../../scheduler/tree/names.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type { FileContent } from "../../scheduler/tree/rows.ts";
import { assert } from "../../std/assert.ts";
import type { Contents } from "../data-plane/contents.ts";
import { freePlace, putAside } from "./aside.ts";
import { CarBlocks, type CarBlocksDeps } from "./car-blocks.ts";
import { ContentList } from "./content-list.ts";
import { keyToSeal } from "./sealing.ts";
import { type BuildCounts, type BuildEntry, buildTree } from "./tree-build.ts";
import { type FileCall, pathOf } from "./tree-reader.ts";
import { CHUNKING, storeCopied, type UploadDeps } from "./upload.ts";
import { UploadPin } from "./upload-pin.ts";

export type CarImportDeps = Omit<UploadDeps, "contents"> &
  Pick<CarBlocksDeps, "holders"> & {
    readonly contents: Pick<Contents, "store" | "storeFiles" | "read">;
  };

/** @throws {JobxError} as `VolumePort.importCar`. */
export async function importCar(
  deps: CarImportDeps,
  input: CarImport,
  how: {
    readonly call: FileCall;
    readonly archive: AsyncIterable<Uint8Array>;
    readonly signal: AbortSignal;
  },
): Promise<CarImportAnswer> {
  const { call, archive, signal } = how;
  const path = pathOf(input.path);
  // What would be refused is so before a byte of it is taken.
  if (namesOf(path).length === 0) throw treeError("FS_EXISTS", "the root is there already");
  await deps.reader.findIfThere(call, path);
  const upload = randomUUID();
  const command = (one: TreeCommand) => deps.command(call, one);
  const volume = await deps.reader.ask(call, volumeUse);
  const { copies: wanted, chunking } = volume;
  const key = await keyToSeal(deps.keys, call, volume);
  const pin = await UploadPin.begin({ upload, holder: deps.self, timers: deps.timers, command });
  try {
    const blocks = new CarBlocks(deps, { wanted, key, signal });
    const root = await blocks.take(archive);
    const how = { wanted, signal, chunking: CHUNKING[chunking], key };
    const taking = { deps, blocks, command, upload, ...how };
    const put = new CarTree(taking);
    const counts = await put.put(root, { call, path });
    const cid = root.kind === "block" ? formatContentId(root.id) : null;
    return { path: `/${path}`, cid, ...counts, copies: blocks.copies, copiesWanted: wanted };
  } finally {
    pin.release();
  }
}

interface Taking {
  readonly deps: CarImportDeps;
  readonly blocks: CarBlocks;
  readonly command: (
    command: TreeCommand,
  ) => Promise<{ readonly inode: number; readonly revision: number }>;
  readonly upload: string;
  readonly wanted: number;
  readonly signal: AbortSignal;
  readonly chunking: (typeof CHUNKING)[keyof typeof CHUNKING];
  readonly key: SealKey | undefined;
}

class CarTree {
  readonly #taking: Taking;

  constructor(taking: Taking) {
    this.#taking = taking;
  }

  async put(
    root: LinkTarget,
    { call, path }: { readonly call: FileCall; readonly path: string },
  ): Promise<BuildCounts> {
    const { deps, blocks, command, upload, signal } = this.#taking;
    const { reader } = deps;
    const walked = walkTree(root, blocks);
    const first = await walked.next();
    assert(first.done !== true, "a tree has a root");
    const entries = this.#entries(first.value, walked);
    if (first.value.kind === "directory") {
      const target = await freePlace(reader, call, path);
      return putAside({ command, upload, target }, (base) =>
        buildTree(entries, { command, upload, base, signal }),
      );
    }
    const { from, path: name } = await reader.place(call, path, { parents: true });
    const named = renamed(entries, name);
    return buildTree(named, { command, upload, base: from, signal });
  }

  async *#entries(
    first: WalkedEntry,
    rest: AsyncGenerator<WalkedEntry>,
  ): AsyncGenerator<BuildEntry, void, undefined> {
    yield await this.#entryOf(first);
    for await (const entry of rest) yield await this.#entryOf(entry);
  }

  async #entryOf(entry: WalkedEntry): Promise<BuildEntry> {
    const path = entry.path.join("/");
    const plain = { path, mode: undefined, mtimeMicros: undefined, attributes: [] };
    switch (entry.kind) {
      case "directory":
        return { kind: "directory", ...plain };
      case "symlink":
        return { kind: "symlink", path, target: entry.target };
      case "file": {
        const { bytes } = entry;
        return { kind: "file", ...plain, bytes, ...(await this.#contentOf(entry)) };
      }
    }
  }

  /** The list of the archive where all leaves may be chunks; else the file is cut anew. */
  async #contentOf(
    file: WalkedFile,
  ): Promise<{ readonly content: FileContent; readonly root: string }> {
    const { deps, blocks, command, upload, wanted, signal, chunking, key } = this.#taking;
    const list = new ContentList(upload, async (one) => (await command(one)).inode);
    for await (const leaf of file.leaves()) {
      if (leaf.kind === "chunk") continue;
      const bytes = walkedContent(file, blocks);
      const windows = deps.contents.store({ bytes, chunking, key, sha256: false });
      const { content, cid } = await storeCopied(deps, {
        ...{ windows, list, wanted, signal },
        // Blocks of archives have copies: most are taken as they come.
        coding: undefined,
      });
      return { content, root: cid };
    }
    const tree = new FileTreeBuilder();
    for await (const leaf of file.leaves()) {
      assert(leaf.kind === "chunk", "the leaves are those that were looked at");
      tree.add(leaf.chunk);
      await list.add([blocks.storedAs(leaf.chunk)]);
    }
    return { content: await list.finish(), root: formatContentId(tree.finish().root.id) };
  }
}

/** The root alone, under a name. */
async function* renamed(
  entries: AsyncGenerator<BuildEntry>,
  path: string,
): AsyncGenerator<BuildEntry, void, undefined> {
  for await (const entry of entries) yield { ...entry, path };
}
