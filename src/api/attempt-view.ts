/** Attempts as the API shows them, and what those that run have printed so far. */

/** What an attempt that did not end well left. */
export interface AttemptError {
  readonly code: string;
  readonly message: string;
  readonly traceback: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a worker's process ended: one of the two is null. */
export interface ExitView {
  readonly code: number | null;
  /** By its name, such as `SIGKILL`. */
  readonly signal: string | null;
}

/** A limit and who enforces it: the kernel, the node by looking or by a timer, or nobody. */
export interface EnforcedLimitView {
  readonly kind: "memory" | "cpu" | "pids" | "disk" | "time" | "silence";
  readonly by: "cgroup-v2" | "cgroup-v1" | "rlimit" | "looking" | "node" | "none";
}

/**
 * Times are those of the workflow's scheduler, so that they can be compared: when an attempt ran is told
 * by its node in durations, whatever its clock says, and is true but for the time that telling it took.
 */
export interface AttemptView {
  readonly invocation: string;
  readonly step: string;
  /** Node id. */
  readonly node: string;
  readonly nodeName: string;
  readonly phase: "map" | "reduce";
  /** Which partition a reduction is of; null for a map. */
  readonly part: number | null;
  /**
   * `running`: the node has it, and runs it or will when a slot and its input are there; which of the two
   * is known there alone until it ends.
   */
  readonly state: "running" | "done" | "failed" | "lost" | "released";
  /** When it was lent to the node. It may have to wait there for a slot and for its input. */
  readonly grantedAt: string;
  /**
   * When a worker took it, which is told with its end; until then, and where no worker took it or nobody can
   * tell, when it was granted.
   */
  readonly startedAt: string;
  /** When its handlers were through; null while it runs. Storing what they made comes after that. */
  readonly endedAt: string | null;
  /**
   * Of a worker that died of it, or was killed for it: a crash, too much memory, a timeout, a unit that
   * was given up. Null where the worker lived on, as after a handler that threw, and where it went with
   * its node.
   */
  readonly exit: ExitView | null;
  /**
   * What its handlers were held to and who saw to it, such as `memory` by `cgroup-v1`: of failed ones, and of
   * others whose handlers say something of limits. Null where nobody told, as of leaves that ended well.
   */
  readonly limits: readonly EnforcedLimitView[] | null;
  /** Of failed ones, with the ends of what the handler printed. */
  readonly error: AttemptError | null;
  /** Of one that runs: the name under which `output` tells what it has printed so far. */
  readonly live: string | null;
  /** The ends of what one that is done has printed; null for nothing, and for old ones among many. */
  readonly printed: { readonly stdout: string; readonly stderr: string } | null;
}

/** Attempts of a request. */
export interface AttemptList {
  readonly attempts: readonly AttemptView[];
  /** There are more than were asked for. */
  readonly truncated: boolean;
  /** Older attempts that did not end well, of which nothing is kept any more. */
  readonly forgotten: number;
}

/** Part of a stream of an attempt's output. */
export interface OutputText {
  /** Bytes that were printed before it; more than was asked for where those between are not kept. */
  readonly from: number;
  /** Bytes with it: where the next part is asked for. */
  readonly to: number;
  /** Whole characters; what is no UTF-8 is replaced by U+FFFD. */
  readonly text: string;
}

/** What an attempt has printed after some places. */
export interface OutputView {
  /**
   * `ended`: this is all that is left. `gone`: its node has nothing of it any more, or not yet; what is
   * stored with its end counts. `unreachable`: its node does not answer this one.
   */
  readonly state: "running" | "ended" | "gone" | "unreachable";
  readonly stdout: OutputText;
  readonly stderr: OutputText;
}
