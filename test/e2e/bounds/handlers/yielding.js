/** Yields many pairs, tells when a quarter is out, and in the end waits for the gate.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export async function* map([[, { pairs, begun, gate }]], ctx) {
  yield ctx.toReturn();
  for (let pair = 0; pair < pairs; pair++) {
    if (pair === pairs >>> 2) writeFileSync(begun, "");
    yield [pair, 1];
  }
  while (!existsSync(gate)) await sleep(20);
}
