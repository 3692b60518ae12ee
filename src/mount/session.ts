/** One mount's operations: what the kernel asks goes to the volume, and what comes back is its answer. */

import { unreachable } from "../std/assert.ts";
import { isJobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import * as attributeOperations from "./attribute-operations.ts";
import { type Answer, type Caller, inodeAt, type MountContext } from "./context.ts";
import * as directoryOperations from "./directory-operations.ts";
import { volumeError } from "./errors.ts";
import * as fileOperations from "./file-operations.ts";
import { Freshness } from "./freshness.ts";
import { Handles } from "./handles.ts";
import { KernelView } from "./kernel-view.ts";
import * as nameOperations from "./name-operations.ts";
import { OpenFiles } from "./open-files.ts";
import type { InodeId, Volume, VolumeChange } from "./ports.ts";
import { agree } from "./protocol/init.ts";
import { entryChanged, inodeChanged } from "./protocol/notification.ts";
import { DONE, initReply, nodeIdOf, type Timeouts } from "./protocol/reply.ts";
import type { RequestBody } from "./protocol/request.ts";
import { StagingMemory } from "./staged-data.ts";

/** Ids of new files that are asked for at once. */
const RESERVED_AT_ONCE = 64;

/** Operations on what the kernel has found before, by whatever name. */
const BY_NODE: ReadonlySet<Operation["kind"]> = new Set([
  "getattr",
  "setattr",
  "readlink",
  "open",
  "readdir",
  "getxattr",
  "setxattr",
  "listxattr",
  "removexattr",
]);

/** Operations whose answers the kernel may go by for a while. */
const TELLS: ReadonlySet<Operation["kind"]> = new Set([
  "lookup",
  "getattr",
  "setattr",
  "symlink",
  "mknod",
  "mkdir",
  "link",
  "create",
]);

/** Operations for whose time the kernel holds the lock of a folder. */
const LOCKS: ReadonlySet<Operation["kind"]> = new Set([
  "symlink",
  "mknod",
  "mkdir",
  "unlink",
  "rmdir",
  "rename",
  "link",
  "create",
]);

const NO_LOOK = { after: 0, isTrusted: false };

export interface SessionOptions {
  readonly volume: Volume;
  /** A directory of its own for content that is being written. */
  readonly stagingDirectory: string;
  readonly timeouts: Timeouts;
  readonly wallNs: () => bigint;
  /** Says something to the kernel that does not make it wait: see `context.ts`. */
  readonly tell: (message: Uint8Array) => void;
  readonly log: Log;
}

/** What the kernel asks of a session; what needs no answer is the loop's. */
export type Operation = Exclude<RequestBody, { readonly kind: "forget" | "interrupt" | "destroy" }>;

export class Session {
  readonly #context: MountContext;
  readonly #fresh: Freshness;
  #reserved: InodeId[] = [];
  #locking = 0;
  #reserving: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    const { volume, stagingDirectory, wallNs, timeouts, tell, log } = options;
    this.#fresh = new Freshness(volume, timeouts);
    this.#context = {
      volume,
      fresh: this.#fresh,
      wallNs,
      log,
      files: new OpenFiles({ volume, stagingDirectory, memory: new StagingMemory(), wallNs }),
      handles: new Handles(),
      view: new KernelView(timeouts.entryMs),
      tell,
      nextInode: () => this.#nextInode(),
    };
  }

  /** The kernel may hold a folder's lock for what is to be answered here. */
  get holdsLocks(): boolean {
    return this.#locking > 0;
  }

  /** @throws {JobxError} and errors of the local disk: `errno.ts` says what becomes of them. */
  async answer(asks: Omit<Caller, "look">, operation: Operation): Promise<Answer> {
    const { nodeId, uid, gid } = asks;
    const look = TELLS.has(operation.kind) ? this.#fresh.look() : NO_LOOK;
    const locking = LOCKS.has(operation.kind) ? 1 : 0;
    this.#locking += locking;
    try {
      return await this.#answer({ nodeId, uid, gid, look }, operation);
    } catch (error) {
      if (!BY_NODE.has(operation.kind) || !isGone(error)) throw error;
      // The kernel looks the name up once more, and finds what has it by now.
      throw volumeError("VOLUME_STALE", "what the kernel knows by that name is gone");
    } finally {
      this.#locking -= locking;
    }
  }

  #answer(caller: Caller, operation: Operation): Promise<Answer> | Answer {
    const context = this.#context;
    switch (operation.kind) {
      case "init":
        return { parts: [initReply(agree(operation))] };
      case "lookup":
        return nameOperations.lookup(context, caller, operation);
      case "getattr":
        return attributeOperations.getattr(context, caller);
      case "setattr":
        return attributeOperations.setattr(context, caller, operation);
      case "readlink":
        return attributeOperations.readlink(context, caller);
      case "symlink":
        return nameOperations.symlink(context, caller, operation);
      case "mknod":
        return nameOperations.mknod(context, caller, operation);
      case "mkdir":
        return nameOperations.mkdir(context, caller, operation);
      case "unlink":
        return nameOperations.unlink(context, caller, operation);
      case "rmdir":
        return nameOperations.rmdir(context, caller, operation);
      case "rename":
        return nameOperations.rename(context, caller, operation);
      case "link":
        return nameOperations.link(context, caller, operation);
      case "open":
        return fileOperations.open(context, caller, operation);
      case "create":
        return fileOperations.create(context, caller, operation);
      case "read":
        return fileOperations.read(context, operation);
      case "write":
        return fileOperations.write(context, operation);
      case "flush":
        return fileOperations.commit(context, operation.handle, "close");
      case "fsync":
        return fileOperations.commit(context, operation.handle, "fsync");
      case "release":
        return fileOperations.release(context, operation.handle);
      case "statfs":
        return attributeOperations.statfs(context);
      case "setxattr":
        return attributeOperations.setxattr(context, caller, operation);
      case "getxattr":
        return attributeOperations.getxattr(context, caller, operation);
      case "listxattr":
        return attributeOperations.listxattr(context, caller, operation);
      case "removexattr":
        return attributeOperations.removexattr(context, caller, operation);
      case "opendir":
        return directoryOperations.opendir(context, caller);
      case "readdir":
        return directoryOperations.readdir(context, operation);
      case "releasedir":
        return directoryOperations.releasedir(context, operation.handle);
      // Changes of names are durable when they are answered.
      case "fsyncdir":
        return { parts: DONE };
      default:
        return unreachable(operation);
    }
  }

  /** The kernel has dropped nodes. */
  forget(nodeIds: readonly number[]): void {
    for (const nodeId of nodeIds) this.#context.view.forget(inodeAt(this.#context, nodeId));
  }

  /** Somebody else has changed something: what the kernel is to be told. */
  invalidation(change: VolumeChange): Uint8Array | undefined {
    const { view, volume } = this.#context;
    this.#fresh.heard(change);
    switch (change.kind) {
      // What the kernel was told it goes by until its timeouts are over.
      case "all":
        return undefined;
      case "entry":
        return entryChanged(nodeIdOf(change.parent, volume.root), change.name);
      case "attributes":
        return inodeChanged(nodeIdOf(change.inode, volume.root), true);
      case "inode": {
        const { inode, content } = change;
        const keepsPages = view.hasPagesOf(inode, content);
        if (!keepsPages) view.paged(inode, undefined);
        return inodeChanged(nodeIdOf(inode, volume.root), keepsPages);
      }
      default:
        return unreachable(change);
    }
  }

  async #nextInode(): Promise<InodeId> {
    for (;;) {
      const inode = this.#reserved.pop();
      if (inode !== undefined) return inode;
      this.#reserving ??= this.#reserve();
      await this.#reserving;
    }
  }

  async #reserve(): Promise<void> {
    try {
      this.#reserved = [...(await this.#context.volume.reserve(RESERVED_AT_ONCE))].reverse();
    } finally {
      this.#reserving = undefined;
    }
  }
}

function isGone(error: unknown): boolean {
  return isJobxError(error) && error.code === "VOLUME_NOT_FOUND";
}
