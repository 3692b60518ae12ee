/** What the operations of one mount share. */
import type { Log } from "../std/log.ts";
import type { Freshness, Look } from "./freshness.ts";
import type { Handles } from "./handles.ts";
import type { KernelView } from "./kernel-view.ts";
import type { OpenFiles } from "./open-files.ts";
import type { AttributeChange, InodeId, Volume } from "./ports.ts";
import { inodeOf, type ReplyParts } from "./protocol/reply.ts";

export interface MountContext {
  readonly volume: Volume;
  readonly files: OpenFiles;
  readonly handles: Handles;
  /** What the kernel was told. */
  readonly view: KernelView;
  /** Says something to the kernel that does not make it wait. */
  readonly tell: (message: Uint8Array) => void;
  /** How long the kernel may go by it. */
  readonly fresh: Freshness;
  /** Wall time since 1970, nanoseconds. */
  readonly wallNs: () => bigint;
  readonly log: Log;
  /** Ids for new files. @throws {JobxError} of the volume */
  readonly nextInode: () => Promise<InodeId>;
}

/** An answer, and what is to be taken back if the kernel does not want it any more. */
export interface Answer {
  readonly parts: ReplyParts;
  readonly undo?: () => Promise<void>;
}

/** Who asks, and about which node. */
export interface Caller {
  readonly nodeId: number;
  readonly uid: number;
  readonly gid: number;
  /** When. */
  readonly look: Look;
}

/** The inode that the caller means. */
export function inodeAt(context: MountContext, nodeId: number): InodeId {
  return inodeOf(nodeId, context.volume.root);
}

/** Wall time since 1970, milliseconds. */
export function nowMsOf({ wallNs }: MountContext): number {
  return Number(wallNs() / 1_000_000n);
}

/** A change of nothing. */
export const NO_CHANGE: AttributeChange = {
  mode: undefined,
  uid: undefined,
  gid: undefined,
  mtimeNs: undefined,
  bytes: undefined,
};
