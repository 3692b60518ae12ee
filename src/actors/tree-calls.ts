/** What nodes ask of each other for mounts of a workflow's tree of files. */
import type { Envelope } from "../scheduler/commands.ts";
import type { NamedPlace } from "../scheduler/tree/rows.ts";

/** What one command changed of a tree of files. */
export interface TreeNews {
  readonly revision: number;
  /** Of which anything is different, or which came or went. */
  readonly inodes: readonly number[];
  /** Names that lead elsewhere, or nowhere. */
  readonly entries: readonly NamedPlace[];
}

export type TreeCall =
  /** A command from a mount, which need not be told of what it changes by this. */
  | {
      readonly kind: "mount-command";
      readonly group: number;
      readonly envelope: Envelope;
      readonly mount: string;
    }
  /** The same, or a command of somebody else, whose answer brings rows that the leader has then: `told`. */
  | {
      readonly kind: "told-command";
      readonly group: number;
      readonly envelope: Envelope;
      readonly mount: string | undefined;
      readonly rows: readonly string[];
    }
  /**
   * What changed in the tree after a number, or from now on; answered by the leader when there is something, or
   * after `waitMs`. With `mount` changes of others wait until this mount asks for what comes after them; the
   * last such question has `ends`.
   */
  | {
      readonly kind: "tree-changes";
      readonly group: number;
      readonly after: number | undefined;
      /** Of inodes and names in the answer, about. */
      readonly limit: number;
      readonly waitMs: number;
      readonly mount: string | undefined;
      readonly ends: boolean;
    };

/** `resync`: some are gone, anything may have changed. `leaseMs`: others wait for the mount; 0 where they do not. */
export interface TreeChangesAnswer {
  readonly kind: "tree-changes";
  readonly resync: boolean;
  readonly changes: readonly TreeNews[];
  readonly next: number;
  readonly leaseMs: number;
}
