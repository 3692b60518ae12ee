/** WebSockets: upgrades as they should be, then frames that are not. */
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes, randomBytes } from "../mutate-bytes.ts";
import { exchange } from "./http.ts";
import type { Surface } from "./surface.ts";

const PATHS = ["/v1/workflows/quiet/events", "/v1/requests/quiet/1/events", "/v1/workflows"];

/** A client's frame: masked, with a length in its own form. */
function frame(opcode: number, payload: Uint8Array, chance: Chance): Uint8Array {
  const isFinal = chance.hits(0.8) ? 0x80 : 0;
  const isMasked = chance.hits(0.9) ? 0x80 : 0;
  const claimed = chance.hits(0.85) ? payload.length : chance.whole(0, 2 ** 31);
  const length =
    claimed < 126
      ? [isMasked | claimed]
      : [isMasked | 127, 0, 0, 0, 0, claimed >>> 24, claimed >>> 16, claimed >>> 8, claimed];
  const mask = isMasked === 0 ? [] : [0, 0, 0, 0];
  return Buffer.from([isFinal | opcode, ...length, ...mask, ...payload]);
}

function make(token: string, chance: Chance): Uint8Array {
  const head = [
    `GET ${chance.pick(PATHS)}${chance.hits(0.3) ? "?after=1" : ""} HTTP/1.1`,
    ...["host: 127.0.0.1", `authorization: Bearer ${token}`],
    ...["connection: Upgrade", "upgrade: websocket"],
    `sec-websocket-version: ${chance.hits(0.95) ? 13 : chance.whole(0, 99)}`,
    `sec-websocket-key: ${chance.hits(0.95) ? "dGhlIHNhbXBsZSBub25jZQ==" : "x"}`,
    ...(chance.hits(0.05) ? ["sec-websocket-extensions: permessage-deflate; a=b"] : []),
  ];
  const frames = Array.from({ length: chance.whole(1, 4) }, () => {
    const payload = chance.hits(0.1) ? new Uint8Array(3_000) : randomBytes(chance, 130);
    return frame(chance.pick([0, 1, 2, 8, 9, 10, 3, 15]), payload, chance);
  });
  const sent = Buffer.concat(frames);
  const body = chance.hits(0.3) ? mutateBytes(sent, chance) : sent;
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

export const webSocketSurface: Surface = {
  name: "websocket",
  cost: 100,
  open: (node) =>
    Promise.resolve({
      make: (chance) => make(node.token, chance),
      async send(input) {
        const answer = (await exchange(node, input)).toString("latin1");
        if (answer.startsWith("HTTP/1.1 500")) throw new Error(answer.slice(0, 600));
        if (answer.startsWith("HTTP/1.1 101")) return "accepted";
        return answer.startsWith("HTTP/1.1 4") ? "refused" : "cut";
      },
      close: () => Promise.resolve(),
    }),
};
