/** What all benchmarks are told. */
export interface BenchOptions {
  /** Where CPU profiles of leader and follower go; undefined takes none. */
  readonly profiles: string | undefined;
}
