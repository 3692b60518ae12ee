/** One number of a request, after a while.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { setTimeout as sleep } from "node:timers/promises";

export async function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [leaf, { salt, pauseMs }] of args) {
    await sleep(pauseMs);
    yield [`k${(leaf + salt) % 3}`, leaf * salt + 1];
  }
}
