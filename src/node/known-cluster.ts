/** Which cluster the data directory belongs to, even when one of its files says nothing any more. */
import { unsupported } from "../actors/version-watch.ts";
import type { VersionRange } from "../scheduler/system/version-range.ts";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { readIdentity } from "../store/identity.ts";
import type { Disk } from "../store/ports.ts";
import { readClusterFile, writeClusterFile } from "./cluster-file.ts";
import type { ClusterFile } from "./cluster-file-text.ts";

/**
 * Undefined only for a directory without a store: whoever has a store must not make another cluster.
 * A cluster file that is gone is made again where all that it said is in the store as well.
 * @throws {JobxError} `CLUSTER_FILE_DAMAGED`, `CLUSTER_FILE_MISSING`, and as `readIdentity`.
 */
export async function knownCluster(
  directory: string,
  parts: { readonly disk: Disk; readonly log: Log },
): Promise<ClusterFile | undefined> {
  const file = await readClusterFile(directory);
  if (file !== undefined) return file;
  const found = await readIdentity(parts.disk);
  if (found === undefined) return undefined;
  const { clusterId } = found.identity;
  if (!found.complete) {
    // Its first start was broken off, and only the file knew whether it was the founder's.
    throw new JobxError(
      { code: "CLUSTER_FILE_MISSING" },
      `${directory} belongs to the cluster ${clusterId}, but cluster.json is gone`,
    );
  }
  // The members are in the system group's rows. Never founder again: a second founding under the same
  // name would be worse than a node that waits.
  const again = { clusterId, founder: false, members: [], version: undefined };
  await writeClusterFile(directory, again);
  parts.log.warn("the cluster file was gone and is made again from the store", { clusterId });
  return again;
}

/**
 * Before the store is opened, in which an older program may not be able to read anything.
 * @throws {JobxError} `CLUSTER_VERSION_UNSUPPORTED`.
 */
export function checkKnownVersion(
  { version }: Pick<ClusterFile, "version">,
  versions: VersionRange,
): void {
  if (version !== undefined && version > versions.max) throw unsupported(versions, version);
}
