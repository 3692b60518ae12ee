/** Tickets as people copy them: one word that begins with `jobx1-`, given itself or in a file. */
import { open } from "node:fs/promises";
import { JobxError } from "../std/errors.ts";
import { type TicketText, ticketFormat } from "../wire/join.ts";
import { TICKET_FILE_MARK } from "./config/options.ts";

const PREFIX = "jobx1-";

/** A ticket with all its addresses has some KiB; a larger file is another one, given by mistake. */
const TICKET_FILE_BYTES_MAX = 64 * 1024;

/** A ticket as one word. */
export function printTicket(ticket: TicketText): string {
  return PREFIX + Buffer.from(ticketFormat.encode(ticket)).toString("base64url");
}

/** @throws {JobxError} `TICKET_MALFORMED`. */
export function parseTicket(word: string): TicketText {
  if (!word.startsWith(PREFIX)) throw malformed();
  try {
    return ticketFormat.decode(Buffer.from(word.slice(PREFIX.length), "base64url"));
  } catch (error) {
    throw malformed(error);
  }
}

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

function malformed(cause?: unknown): JobxError {
  return new JobxError(
    { code: "TICKET_MALFORMED" },
    "this is not a ticket; `jobx cluster ticket` makes one",
    { cause },
  );
}

function unreadable(path: string, reason: string, cause?: unknown): JobxError {
  return new JobxError(
    { code: "TICKET_FILE_UNREADABLE" },
    `the ticket cannot be read from ${path}: ${reason}`,
    { cause },
  );
}
