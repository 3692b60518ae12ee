/** What a node looks at before it makes anything: a mistyped flag must leave no trace on the disk. */
import { access, chmod, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkAddress } from "../mesh/addresses.ts";
import { JobxError } from "../std/errors.ts";
import type { TicketText } from "../wire/join.ts";
import { CLUSTER_FILE_NAME } from "./cluster-file.ts";
import { givenTicket } from "./ticket-text.ts";

/** Nobody but the owner looks into a node's data. */
const DATA_MODE = 0o700;

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

/** Makes the data directory, or finds it. @throws {JobxError} `NODE_DATA_UNUSABLE`. */
export async function makeDataDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path);
    await chmod(path, DATA_MODE);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JobxError(
      { code: "NODE_DATA_UNUSABLE" },
      `${path} cannot be the data directory: ${reason}`,
      { cause },
    );
  }
}

/** One by one: Node's own way of making all of a path tries for ever below /proc. */
async function makeDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error("it is a file");
  const parent = dirname(path);
  if (parent !== path) await makeDirectory(parent);
  await mkdir(path, { mode: DATA_MODE }).catch((error: unknown) => {
    // Somebody else may have made it meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
}
