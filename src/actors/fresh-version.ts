/** R10: the cluster's version, known for certain where that matters. */
import type { Timers } from "../std/clock.ts";
import type { GroupHost } from "./group-host.ts";
import { SYSTEM_GROUP, type SystemGroup } from "./system-group.ts";

/** A question whose message was lost gets no answer: whoever needs one asks again. */
const CONFIRM_MS_MAX = 1_000;

/**
 * The version that the cluster has or had since the call: this node's copy of the system group is made as
 * new as the call. Undefined when no leader with a majority confirms that, within `ms` and a second.
 */
export function freshVersion(
  parts: {
    readonly timers: Timers;
    readonly host: Pick<GroupHost, "touch">;
    readonly system: SystemGroup;
  },
  ms: number,
): Promise<number | undefined> {
  const { replica, directory } = parts.system;
  if (replica === undefined) return Promise.resolve(undefined);
  parts.host.touch(SYSTEM_GROUP);
  return new Promise((resolve) => {
    const timer = parts.timers.after(Math.min(ms, CONFIRM_MS_MAX), () => resolve(undefined));
    const end = (version: number | undefined): void => {
      timer.cancel();
      resolve(version);
    };
    replica.linearize().then(
      () => end(directory.cluster?.version),
      () => end(undefined),
    );
  });
}
