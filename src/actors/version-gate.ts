/**
 * R10's gate. Every command of every group passes it where it is proposed, since nothing comes into a log
 * in another way: a leader decides by the version that its node has applied.
 */
import { mayUse } from "../scheduler/system/versions.ts";
import { ActorError } from "./errors.ts";

/** Why a command that needs a version must not be proposed in a cluster of `version`; undefined where it may. */
export function tooEarly(needed: number, version: number): ActorError | undefined {
  if (mayUse(needed, version)) return undefined;
  return new ActorError(
    { code: "CLUSTER_VERSION_TOO_LOW", needed, version },
    `the command needs cluster version ${needed}, and the cluster has ${version}`,
  );
}
