/** What nodes gossip: soon stale, and nothing that must be right depends on it. */
import { natural, positive } from "./codec.ts";
import { array, struct } from "./codec-shapes.ts";
import { defineFormat, type Format } from "./frame.ts";

/** Groups that one node can lead and still say so in one message. */
const LEADS_MAX = 4096;

/** A node tells which groups it leads, and how busy it is. */
export interface Hint {
  /** Units that the node runs at once at most. */
  readonly slots: number;
  /** Units that are on it now. */
  readonly busy: number;
  readonly leads: readonly { readonly group: number; readonly term: number }[];
}

/** Version 1. */
export const hintFormat: Format<Hint> = defineFormat({
  codec: struct<Hint>({
    slots: natural,
    busy: natural,
    leads: array(struct({ group: natural, term: positive }), LEADS_MAX),
  }),
  version: 1,
  bytesMax: 128 * 1024,
});
