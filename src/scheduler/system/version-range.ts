/** R10: the cluster versions that a program supports. */

/** Cluster versions, both ends included; `1 <= min <= max`. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/**
 * What this program supports.
 *
 * `max` is raised by a program that can read and apply something which the one before could not: a new
 * command, row, message or event, or another meaning, which needs a tag or a format version of its own.
 * It may use them only where the version of the cluster allows it (`mayUse`). `min` is raised by a program
 * that does not decide as older ones expect any more; what older versions have put on disk it still reads.
 * Both go up by one for each release that needs it, so that neighbouring releases run together.
 */
export const SUPPORTED_VERSIONS: VersionRange = { min: 1, max: 1 };

/** Assumed while a node does not know its cluster's: it allows what all programs can read. */
export const LOWEST_VERSION = 1;

/** Whether a program with that range may run in a cluster of that version. */
export function supports({ min, max }: VersionRange, version: number): boolean {
  return min <= version && version <= max;
}

/** `1 only`, or `1 to 2`. */
export function rangeText({ min, max }: VersionRange): string {
  return min === max ? `${min} only` : `${min} to ${max}`;
}

/** What to say to a node that does not support the version of its cluster. */
export function unsupportedText(range: VersionRange, version: number): string {
  const advice =
    version > range.max
      ? "upgrade this node"
      : "upgrade the rest of the cluster first, until its version is raised";
  return `the cluster has version ${version}, and this node's program supports ${rangeText(range)}: ${advice}`;
}
