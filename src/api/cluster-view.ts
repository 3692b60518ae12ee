/** The cluster as a whole, as `jobx cluster status` shows it. */

/** Cluster versions, both ends included. */
export interface VersionRangeView {
  readonly min: number;
  readonly max: number;
}

/** What a member's program supports, as it last announced; also of one that is down. */
export interface MemberVersionsView {
  readonly node: string;
  readonly name: string;
  readonly versions: VersionRangeView;
}

/** The version of the cluster (R10), and what keeps it from going up. */
export interface ClusterView {
  readonly id: string;
  readonly version: number;
  readonly members: readonly MemberVersionsView[];
  /** The version that it will go up to; null while no member supports a higher one. */
  readonly next: {
    readonly version: number;
    /** Those that do not support it yet; none where it is just being raised. */
    readonly waitsFor: readonly MemberVersionsView[];
  } | null;
  /** All of it in one sentence. */
  readonly why: string;
}
