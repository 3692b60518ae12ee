/** What a node looks at before it makes anything: a mistyped flag must leave no trace on the disk. */
import { access, chmod, mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkAddress } from "../mesh/addresses.ts";
import { JobxError } from "../std/errors.ts";
import { IDENTITY_NAME } from "../store/identity-file.ts";
import type { TicketText } from "../wire/join.ts";
import { CLUSTER_FILE_NAME } from "./cluster-file.ts";
import { CONFIG_FILE_NAME } from "./config/config.ts";
import { LOCK_NAME } from "./data-lock.ts";
import { givenTicket } from "./ticket-file.ts";

/** Nobody but the owner looks into a node's data. */
const DATA_MODE = 0o700;
const OTHERS_MODE_MASK = 0o077;

/** In the data directory: the node's key. */
export const KEY_FILE_NAME = "node-key";

/** Of these a node's directory has at least one. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  KEY_FILE_NAME,
  CLUSTER_FILE_NAME,
  IDENTITY_NAME,
  CONFIG_FILE_NAME,
]);

/** What may lie there before them: of a start that was broken off, and at the root of a filesystem. */
const EARLY_NAMES: ReadonlySet<string> = new Set([LOCK_NAME, "lost+found"]);

/**
 * Checks what the configuration's syntax does not tell. Resolves with the ticket to join by; undefined
 * when there is none, or the node has joined already, which needs none.
 * @throws {JobxError} `MESH_ADDRESS_INVALID`, `TICKET_MALFORMED`, `TICKET_FILE_UNREADABLE`.
 */
export async function preflight(config: {
  readonly data: string;
  readonly listen: readonly string[];
  readonly advertise: readonly string[];
  readonly joinTicket: string | undefined;
}): Promise<TicketText | undefined> {
  for (const address of config.listen) checkAddress(address, "listen");
  for (const address of config.advertise) checkAddress(address, "advertise");
  if (config.joinTicket === undefined) return undefined;
  const joined = await access(join(config.data, CLUSTER_FILE_NAME)).then(
    () => true,
    () => false,
  );
  return joined ? undefined : givenTicket(config.joinTicket);
}

/**
 * Makes the data directory for its owner only, or finds one: a node's, or one with nothing in it, whose
 * mode is its owner's business. Answers whether others may look into it.
 * @throws {JobxError} `NODE_DATA_UNUSABLE`; `NODE_DATA_FOREIGN` for one in which something else lies.
 */
export async function makeDataDirectory(path: string): Promise<{ readonly isOpen: boolean }> {
  let names: readonly string[];
  let mode: number;
  try {
    await makeDirectory(path);
    names = await readdir(path);
    mode = (await stat(path)).mode;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JobxError(
      { code: "NODE_DATA_UNUSABLE" },
      `${path} cannot be the data directory: ${reason}`,
      { cause },
    );
  }
  if (!isOurs(names)) {
    throw new JobxError(
      { code: "NODE_DATA_FOREIGN" },
      `${path} is not empty and no node's data directory; nothing in it was changed`,
    );
  }
  return { isOpen: (mode & OTHERS_MODE_MASK) !== 0 };
}

/** Whether a directory with these names in it is a node's, or may become one. */
function isOurs(names: readonly string[]): boolean {
  if (names.some((name) => OWN_NAMES.has(name))) return true;
  return names.every((name) => EARLY_NAMES.has(name) || name.startsWith(`${KEY_FILE_NAME}.`));
}

/** One by one: Node's own way of making all of a path tries for ever below /proc. */
async function makeDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error("it is a file");
  const parent = dirname(path);
  if (parent !== path) await makeDirectory(parent);
  try {
    await mkdir(path);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw error;
  }
  // Whatever the process's mask of modes says.
  await chmod(path, DATA_MODE);
}
