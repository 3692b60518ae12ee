/** Tickets as people copy them: one word that begins with `jobx1-`. */
import { JobxError } from "../std/errors.ts";
import { type TicketText, ticketFormat } from "../wire/join.ts";

const PREFIX = "jobx1-";

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

function malformed(cause?: unknown): JobxError {
  return new JobxError(
    { code: "TICKET_MALFORMED" },
    "this is not a ticket; `jobx cluster ticket` makes one",
    { cause },
  );
}
