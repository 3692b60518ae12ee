/** Has its slot for a while.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { setTimeout as sleep } from "node:timers/promises";

export async function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [nap, napMs] of args) {
    await sleep(napMs);
    yield [nap, 1];
  }
}
