/** What all benchmarks are told. */
export interface BenchOptions {
  /** Where CPU profiles of leader and follower go; undefined takes none. */
  readonly profiles: string | undefined;
  /** How many rows or units the benchmark of many has; undefined for its usual number. */
  readonly rows: number | undefined;
  /** How many nodes the benchmark of many has; undefined for three. */
  readonly nodes: number | undefined;
  /** How long those measure that take a time; undefined for their own. */
  readonly seconds: number | undefined;
}
