// A bare TCP connect, closed at once: cheap evidence whether a process still listens. It says
// nothing about who listens, so it only ever counts where a connect has worked before.
import { createConnection } from "node:net";
import type { Endpoint } from "./addresses.ts";

/** How long a probe waits, ms: a refusal comes within a round trip. */
const PROBE_MS = 1_000;

/** What a probe found; `unknown` covers timeouts, unreachable hosts and names. */
export type ProbeOutcome = "listening" | "refused" | "unknown";

/** Tries one endpoint. Never throws. */
export function probe(endpoint: Endpoint): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: endpoint.host, port: endpoint.port });
    const done = (outcome: ProbeOutcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(PROBE_MS, () => done("unknown"));
    socket.once("connect", () => done("listening"));
    socket.on("error", (error) => {
      done("code" in error && error.code === "ECONNREFUSED" ? "refused" : "unknown");
    });
  });
}
