/** Counts the words of a line, when the gate is open.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export async function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [number, { text, pauseMs, gatedFrom, gate }] of args) {
    await sleep(pauseMs);
    while (gate !== null && number >= gatedFrom && !existsSync(gate)) await sleep(20);
    for (const word of text.split(" ")) yield [word, 1];
  }
}
