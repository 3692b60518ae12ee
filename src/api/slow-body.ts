/** The time in which a body has to be here, so that slow senders do not hold connections. */
import type { FastifyRequest } from "fastify";
import { rawFailure } from "./failures.ts";

/** As Node names it. */
const TOO_SLOW = Object.assign(new Error("the request did not arrive in time"), {
  code: "ERR_HTTP_REQUEST_TIMEOUT",
});

/**
 * Ends a call whose body is not here in time, with `API_REQUEST_TOO_SLOW`. Content of files may take as long
 * as it likes while something moves: the silence of its connection is bounded.
 */
export function boundBody(request: FastifyRequest, msMax: number): void {
  const { raw, routeOptions } = request;
  if (raw.complete || routeOptions.config.about?.streamsBody === true) return;
  const timer = setTimeout(() => {
    if (raw.complete || !raw.socket.writable) return;
    raw.socket.end(rawFailure(TOO_SLOW));
  }, msMax);
  timer.unref();
  const stop = (): void => clearTimeout(timer);
  raw.once("end", stop);
  raw.once("close", stop);
}
