/** Yields 1,200 values of 1 KiB; the leaves from `gatedFrom` on wait for the gate.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export async function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [leaf, { gatedFrom, gate }] of args) {
    while (leaf >= gatedFrom && !existsSync(gate)) await sleep(20);
    for (let i = 0; i < 1200; i++) yield [[leaf, i], `${leaf}/${i} `.padEnd(1024, `${leaf * i}`)];
  }
}
