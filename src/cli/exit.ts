/** Exit codes of `jobx`; scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The request failed, was cancelled, or had not succeeded when `--timeout` was over. */
  failed: 1,
  /** The command line or a local file is wrong. */
  usage: 2,
  /** No node answered, or none had a majority, within the deadline. */
  unreachable: 3,
  /** The cluster answered with an error. */
  refused: 4,
} as const;

/** The same for `--help`. */
export const EXIT_HELP =
  "Exit codes: 0 ok, 1 the job did not succeed, 2 wrong usage or file, 3 cannot reach the cluster, 4 the cluster refused.";
