/** Which cluster the node belongs to and whom it knows there, so that a restart finds the others. */
import { join } from "node:path";
import { JobxError } from "../std/errors.ts";
import { type ClusterFile, clusterFileText, parseClusterFile } from "./cluster-file-text.ts";
import { readOrNothing, replaceFile } from "./small-files.ts";

/** In the data directory. */
export const CLUSTER_FILE_NAME = "cluster.json";

/** Undefined before the first start. @throws {JobxError} `CLUSTER_FILE_DAMAGED`. */
export async function readClusterFile(directory: string): Promise<ClusterFile | undefined> {
  const text = await readOrNothing(join(directory, CLUSTER_FILE_NAME));
  if (text === undefined) return undefined;
  const parsed = parseClusterFile(text);
  if (parsed === undefined) {
    throw new JobxError(
      { code: "CLUSTER_FILE_DAMAGED" },
      `${CLUSTER_FILE_NAME} in ${directory} cannot be read`,
    );
  }
  return parsed;
}

/** Replaces the file: old or new after a crash. */
export async function writeClusterFile(directory: string, file: ClusterFile): Promise<void> {
  await replaceFile(join(directory, CLUSTER_FILE_NAME), clusterFileText(file), 0o600);
}

/** Tells the command line of this machine where the node's API listens: `url` in a file for its owner. */
export async function writeApiFile(directory: string, url: string): Promise<void> {
  await replaceFile(join(directory, "api"), `${url}\n`, 0o600);
}
