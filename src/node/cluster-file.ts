/** Which cluster the node belongs to and whom it knows there, so that a restart finds the others. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { JobxError } from "../std/errors.ts";
import type { KnownMember } from "../wire/join.ts";

/** The newest format of the file. */
const FORMAT = 1;

/** In the data directory. */
export const CLUSTER_FILE_NAME = "cluster.json";

export interface ClusterFile {
  readonly clusterId: string;
  /** True at the node that made the cluster. */
  readonly founder: boolean;
  readonly members: readonly KnownMember[];
  /** R10: the cluster's version when this node last knew; of a later one it may not be able to read its store. */
  readonly version: number | undefined;
}

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
  const text = `${JSON.stringify({ format: FORMAT, ...file }, null, 2)}\n`;
  await replaceFile(join(directory, CLUSTER_FILE_NAME), text, 0o600);
}

/** Tells the command line of this machine where the node's API listens: `url` in a file for its owner. */
export async function writeApiFile(directory: string, url: string): Promise<void> {
  await replaceFile(join(directory, "api"), `${url}\n`, 0o600);
}

/** In the data directory. */
const BOOT_FILE_NAME = "boot";

/**
 * Counts the starts of this node (R15), durably before anything is named by the number. A number that
 * comes twice would give new commands the answers of old ones, so that they are lost without a word.
 * `isFirst`: nothing can have been named yet.
 * @throws {JobxError} `CLUSTER_FILE_DAMAGED` when the count is gone or cannot be read.
 */
export async function nextBoot(directory: string, isFirst: boolean): Promise<number> {
  const path = join(directory, BOOT_FILE_NAME);
  const text = await readOrNothing(path);
  const before = text === undefined && isFirst ? 0 : countOf(text);
  if (before === undefined) {
    throw new JobxError(
      { code: "CLUSTER_FILE_DAMAGED" },
      `${path}, which counts the starts of this node, ${text === undefined ? "is gone" : "cannot be read"}: ` +
        "restore it, or write a number into it that is larger than it ever was, like that of `date +%s`",
    );
  }
  await replaceFile(path, `${before + 1}\n`, 0o600);
  return before + 1;
}

function countOf(text: string | undefined): number | undefined {
  const count = Number(text);
  return /^[1-9][0-9]*\n?$/u.test(text ?? "") && Number.isSafeInteger(count + 1)
    ? count
    : undefined;
}

/** Writes a whole file by way of a temporary one; durable when it returns. */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** What the file says; undefined when it is not what was written. */
export function parseClusterFile(text: string): ClusterFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { format, clusterId, founder, members, version } = fields;
  if (format !== FORMAT || typeof clusterId !== "string" || typeof founder !== "boolean") {
    return undefined;
  }
  if (!Array.isArray(members)) return undefined;
  const known: KnownMember[] = [];
  for (const member of members) {
    const one: unknown = member;
    if (typeof one !== "object" || one === null) return undefined;
    const { node, addresses }: Readonly<Record<string, unknown>> = { ...one };
    if (typeof node !== "string" || !Array.isArray(addresses)) return undefined;
    const texts = addresses.filter((address): address is string => typeof address === "string");
    known.push({ node, addresses: texts });
  }
  return {
    ...{ clusterId, founder, members: known },
    version: typeof version === "number" ? version : undefined,
  };
}
