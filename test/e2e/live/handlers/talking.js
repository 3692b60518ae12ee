/** Prints, waits for a file, and prints again; more than its node keeps where it is told to.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: dict }]
 * required_capability: none
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export async function* map({ gate, lines = 0, fails = false }, ctx) {
  for (let line = 0; line < lines; line++) console.log(`line ${line} ${"x".repeat(1000)}`);
  console.log("first line");
  console.error("a word to the other stream");
  ctx.log("a line of the log");
  while (!existsSync(gate)) await sleep(20);
  console.log("second line");
  if (fails) throw new RangeError("thrown on purpose");
  yield ctx.toReturn();
  yield ["said", 2];
}
