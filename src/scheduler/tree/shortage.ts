/** Blocks of one volume's files that have too few copies, as the last round over it left them. */
export interface Shortage {
  /** Of the volume's workflow. */
  readonly group: number;
  /** Blocks with fewer copies than the nodes that are up could have. */
  readonly short: number;
  /** Blocks that only a node that is away may have. */
  readonly missing: number;
  /** Blocks that no node has any more. */
  readonly lost: number;
  /** When a round first found any, by the clock of the node that leads the workflow. */
  readonly sinceMs: number;
}

/** Volumes that one node tells of. */
export const SHORTAGES_MAX = 1024;
