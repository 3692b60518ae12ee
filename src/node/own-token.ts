/**
 * The token in a node's data directory, for its operator and the command line of its machine. That of the
 * node that made the cluster is the first admin's: the system group has its hash, and it is revoked like any
 * other. Each node that joined makes one that it honours alone: who reads it can read the node's key as
 * well, and with that act as the node, which may do all that an admin may.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "./small-files.ts";

/** Random bytes of a token. */
const TOKEN_BYTES = 32;

const TOKEN_FILE = "admin-token";

/**
 * Of the cluster's tokens none begins so. A file that somebody has put such a one into makes this node
 * honour it no longer than the cluster does.
 */
const NODE_TOKEN_PREFIX = "jobxnode_";

/** Whether the node honours it by itself. */
export function isNodeToken(token: string): boolean {
  return token.startsWith(NODE_TOKEN_PREFIX);
}

/** The first admin's: made once, only its hash is replicated. */
export async function founderToken(directory: string): Promise<string> {
  return (await ownToken(directory)) ?? (await written(directory, ""));
}

/**
 * What lies in the data directory; undefined when there is no such file, or nothing in it. With `joined`
 * one is made where there is no file, so that an operator who wants none leaves an empty one.
 */
export async function ownToken(
  directory: string,
  { joined = false }: { readonly joined?: boolean } = {},
): Promise<string | undefined> {
  const text = await readFile(join(directory, TOKEN_FILE), "utf8").catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    return undefined;
  });
  if (text === undefined && joined) return written(directory, NODE_TOKEN_PREFIX);
  return text?.trim() || undefined;
}

async function written(directory: string, prefix: string): Promise<string> {
  const token = prefix + randomBytes(TOKEN_BYTES).toString("base64url");
  await replaceFile(join(directory, TOKEN_FILE), `${token}\n`, 0o600);
  return token;
}
