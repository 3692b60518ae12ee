/** Prints lines of 8 KiB to stdout, tells when a quarter is out, and in the end waits for the gate.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export async function* map([[, { lines, begun, gate }]], ctx) {
  yield ctx.toReturn();
  for (let line = 0; line < lines; line++) {
    if (line === lines >>> 2) writeFileSync(begun, "");
    process.stdout.write(`${String(line).padEnd(8191, "x")}\n`);
  }
  while (!existsSync(gate)) await sleep(20);
  yield ["lines", lines];
}
