/** A tree of files as plain objects: a second, simple version of what `src/scheduler/tree` does to rows. */
import type { Expectation, MoveOver } from "../../src/scheduler/tree/commands.ts";

/** A file with the numbers of its blocks, a folder, or a symbolic link. */
export type ModelNode =
  | { readonly type: "file"; blocks: readonly number[] }
  | ModelFolder
  | { readonly type: "symlink"; readonly target: string };

interface ModelFolder {
  readonly type: "directory";
  readonly entries: Map<string, ModelNode>;
}

/** Why the model does not do it. */
class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

interface State {
  readonly root: ModelFolder;
  /** Folders that nothing leads to any more and that were not empty. */
  readonly removed: ModelFolder[];
}

export interface ModelFile {
  readonly path: string;
  readonly blocks: readonly number[];
  readonly expect: Expectation["kind"];
  readonly keep: string | undefined;
}

export interface ModelMove {
  readonly from: string;
  readonly to: string;
  readonly keep: string | undefined;
}

export class TreeModel {
  #state: State = { root: folder(), removed: [] };
  inodesMax = Number.POSITIVE_INFINITY;
  bytesMax = Number.POSITIVE_INFINITY;

  /** Does all of it or nothing; the code of the refusal, or `inode`, as the answer is called. */
  do(act: (model: TreeModel) => void): string {
    const before = structuredClone(this.#state);
    const used = this.used();
    try {
      act(this);
      const now = this.used();
      if (now.bytes > this.bytesMax && now.bytes > used.bytes) throw new Refused("FS_QUOTA");
      if (now.inodes > this.inodesMax && now.inodes > used.inodes) throw new Refused("FS_QUOTA");
      return "inode";
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#state = before;
      return error.code;
    }
  }

  sweep(): void {
    this.#state.removed.length = 0;
  }

  /** Of all nodes that are there, or wait for the sweep; the root does not count. */
  used(): { readonly inodes: number; readonly bytes: number } {
    const nodes = new Set<ModelNode>();
    const visit = (one: ModelFolder): void => {
      for (const node of one.entries.values()) {
        nodes.add(node);
        if (node.type === "directory") visit(node);
      }
    };
    visit(this.#state.root);
    for (const one of this.#state.removed) {
      nodes.add(one);
      visit(one);
    }
    let bytes = 0;
    for (const node of nodes)
      if (node.type === "file") for (const number of node.blocks) bytes += number + 1;
    return { inodes: nodes.size, bytes };
  }

  /** Every path; nodes that are one have the same object. */
  paths(): ReadonlyMap<string, ModelNode> {
    const found = new Map<string, ModelNode>();
    const visit = (one: ModelFolder, above: string): void => {
      for (const [name, node] of one.entries) {
        found.set(above + name, node);
        if (node.type === "directory") visit(node, `${above}${name}/`);
      }
    };
    visit(this.#state.root, "");
    return found;
  }

  commit({ path, blocks, expect, keep }: ModelFile, parents: boolean): void {
    const { into, name } = this.#walk(path, parents);
    const node = into.entries.get(name);
    if (node === undefined) {
      if (expect === "revision") throw new Refused("FS_CHANGED");
      into.entries.set(name, { type: "file", blocks });
      return;
    }
    if (expect === "absent") throw new Refused("FS_EXISTS");
    if (expect === "revision") throw new Refused("FS_CHANGED");
    if (node.type === "directory") throw new Refused("FS_IS_DIRECTORY");
    if (node.type === "symlink") throw new Refused("FS_NOT_FILE");
    if (keep !== undefined) this.#keep(keep, { type: "file", blocks: node.blocks });
    node.blocks = blocks;
  }

  mkdir(path: string, parents: boolean): void {
    const { into, name } = this.#walk(path, parents);
    const node = into.entries.get(name);
    if (node === undefined) into.entries.set(name, folder());
    else if (!parents || node.type !== "directory") throw new Refused("FS_EXISTS");
  }

  symlink(path: string, target: string): void {
    const { into, name } = this.#walk(path, false);
    if (into.entries.has(name)) throw new Refused("FS_EXISTS");
    into.entries.set(name, { type: "symlink", target });
  }

  link(from: string, to: string): void {
    const { node } = this.#find(from);
    const { into, name } = this.#walk(to, false);
    if (into.entries.has(name)) throw new Refused("FS_EXISTS");
    if (node.type === "directory") throw new Refused("FS_IS_DIRECTORY");
    into.entries.set(name, node);
  }

  unlink(path: string): void {
    const { into, name, node } = this.#find(path);
    if (node.type === "directory") throw new Refused("FS_IS_DIRECTORY");
    into.entries.delete(name);
  }

  rmdir(path: string): void {
    const { into, name, node } = this.#find(path);
    if (node.type !== "directory") throw new Refused("FS_NOT_DIRECTORY");
    if (node.entries.size > 0) throw new Refused("FS_NOT_EMPTY");
    into.entries.delete(name);
  }

  remove(path: string): void {
    const { into, name, node } = this.#find(path);
    into.entries.delete(name);
    this.#drop(node);
  }

  move(
    { from, to, keep }: ModelMove,
    { over, parents }: { readonly over: MoveOver; readonly parents: boolean },
  ): void {
    const { into: source, name: oldName, node } = this.#find(from);
    const { into, name } = this.#walk(to, parents);
    const there = into.entries.get(name);
    if (there === node && over !== "exclusive") return;
    if (node.type === "directory" && contains(node, into)) throw new Refused("FS_LOOP");
    if (there !== undefined && over === "exclusive") throw new Refused("FS_EXISTS");
    if (there !== undefined && over === "posix") {
      if (there.type === "directory") {
        if (node.type !== "directory") throw new Refused("FS_IS_DIRECTORY");
        if (there.entries.size > 0) throw new Refused("FS_NOT_EMPTY");
      } else if (node.type === "directory") throw new Refused("FS_NOT_DIRECTORY");
    }
    if (there !== undefined && keep === undefined) this.#drop(there);
    source.entries.delete(oldName);
    into.entries.set(name, node);
    if (there !== undefined && keep !== undefined) this.#keep(keep, there);
  }

  #keep(path: string, node: ModelNode): void {
    const { into, name } = this.#walk(path, true);
    if (into.entries.has(name)) throw new Refused("FS_EXISTS");
    into.entries.set(name, node);
  }

  #drop(node: ModelNode): void {
    if (node.type === "directory" && node.entries.size > 0) this.#state.removed.push(node);
  }

  #walk(path: string, make: boolean): { readonly into: ModelFolder; readonly name: string } {
    const names = path.split("/");
    const name = names.pop() ?? "";
    let into = this.#state.root;
    for (const one of names) {
      const next = into.entries.get(one);
      if (next === undefined) {
        if (!make) throw new Refused("FS_NOT_FOUND");
        const made = folder();
        into.entries.set(one, made);
        into = made;
      } else if (next.type === "directory") into = next;
      else throw new Refused("FS_NOT_DIRECTORY");
    }
    return { into, name };
  }

  #find(path: string): {
    readonly into: ModelFolder;
    readonly name: string;
    readonly node: ModelNode;
  } {
    const { into, name } = this.#walk(path, false);
    const node = into.entries.get(name);
    if (node === undefined) throw new Refused("FS_NOT_FOUND");
    return { into, name, node };
  }
}

function folder(): ModelFolder {
  return { type: "directory", entries: new Map() };
}

function contains(above: ModelFolder, wanted: ModelFolder): boolean {
  if (above === wanted) return true;
  return [...above.entries.values()].some(
    (node) => node.type === "directory" && contains(node, wanted),
  );
}
