/** Tickets as they are given to a node: the word itself, or the name of a file with it. */
import { open } from "node:fs/promises";
import { JobxError } from "../std/errors.ts";
import type { TicketText } from "../wire/join.ts";
import { TICKET_FILE_MARK } from "./config/options.ts";
import { parseTicket } from "./ticket-text.ts";

/** A ticket with all its addresses has some KiB; a larger file is another one, given by mistake. */
const TICKET_FILE_BYTES_MAX = 64 * 1024;

/**
 * The ticket that is given: the word itself, or `@FILE`, which keeps it out of the list of processes.
 * The file may be a pipe; it is read once and to its end.
 * @throws {JobxError} `TICKET_MALFORMED`, `TICKET_FILE_UNREADABLE`.
 */
export async function givenTicket(given: string): Promise<TicketText> {
  if (!given.startsWith(TICKET_FILE_MARK)) return parseTicket(given);
  return parseTicket((await readTicketFile(given.slice(TICKET_FILE_MARK.length))).trim());
}

async function readTicketFile(path: string): Promise<string> {
  const buffer = Buffer.alloc(TICKET_FILE_BYTES_MAX + 1);
  let length = 0;
  try {
    const file = await open(path, "r");
    try {
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        length += bytesRead;
        if (bytesRead === 0 || length === buffer.length) break;
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unreadable(path, reason, cause);
  }
  if (length > TICKET_FILE_BYTES_MAX) {
    throw unreadable(path, `it has more than ${TICKET_FILE_BYTES_MAX} bytes`);
  }
  return buffer.toString("utf8", 0, length);
}

function unreadable(path: string, reason: string, cause?: unknown): JobxError {
  return new JobxError(
    { code: "TICKET_FILE_UNREADABLE" },
    `the ticket cannot be read from ${path}: ${reason}`,
    { cause },
  );
}
