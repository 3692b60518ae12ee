/**
 * R10's gate. Every command of every group passes it where it is proposed, since nothing comes into a log
 * in another way: a leader decides by the version that its node has applied.
 */
import { LOWEST_VERSION, supports, type VersionRange } from "../scheduler/system/version-range.ts";
import { mayUse } from "../scheduler/system/versions.ts";
import { ActorError } from "./errors.ts";
import { notAccepted } from "./proposals.ts";

/** What a node knows of versions. */
export interface NodeVersions {
  /** What its program supports. */
  readonly supports: VersionRange;
  /** The cluster's, as the node has applied it; undefined while it does not know. */
  readonly cluster: number | undefined;
}

/**
 * Why a command that needs a version must not be proposed here now; undefined where it may. A program that
 * is too new for what it has applied does not decide either: it is behind, or does not belong. While nothing
 * is known, as before the founding, only what every version allows is proposed.
 */
export function tooEarly(
  needed: number,
  { supports: range, cluster }: NodeVersions,
): ActorError | undefined {
  if (cluster !== undefined && !supports(range, cluster)) {
    return notAccepted(`this node has applied cluster version ${cluster} so far`, undefined);
  }
  return tooLow("command", needed, cluster);
}

/** Why something that needs a version may not be used in the cluster's; undefined where it may. */
export function tooLow(
  what: "command" | "message",
  needed: number,
  cluster: number | undefined,
): ActorError | undefined {
  const version = cluster ?? LOWEST_VERSION;
  if (mayUse(needed, version)) return undefined;
  return new ActorError(
    { code: "CLUSTER_VERSION_TOO_LOW", needed, version },
    `the ${what} needs cluster version ${needed}, and the cluster has ${version}`,
  );
}
