import { expect, test } from "vitest";
import type { Log } from "../std/log.ts";
import { checkSpareTicket } from "./joining.ts";
import { printTicket } from "./ticket-text.ts";

/** A log whose lines are kept. */
function kept(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const line = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log: Log = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: () => log,
  };
  return { log, lines };
}

const ticketOf = (clusterId: string): string =>
  printTicket({
    id: "t",
    clusterId,
    secret: new Uint8Array(32),
    addresses: ["/ip4/1.2.3.4/tcp/5"],
  });

test("a ticket of another cluster is refused by a node that belongs to one", async () => {
  const { log, lines } = kept();
  await expect(checkSpareTicket(ticketOf("other"), "own", log)).rejects.toMatchObject({
    code: "JOIN_OTHER_CLUSTER",
  });
  expect(lines).toEqual([]);
});

test("that a member ignores a ticket of its own cluster, or what is none, is said", async () => {
  const { log, lines } = kept();
  await checkSpareTicket(ticketOf("own"), "own", log);
  await checkSpareTicket("garbage", "own", log);
  expect(lines).toEqual([
    "info the ticket is ignored: this node is a member already",
    "warn the ticket is ignored: this node is a member already",
  ]);
});
