/** Has its slot for so many milliseconds, and returns them.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { setTimeout as sleep } from "node:timers/promises";

export async function* map([[, napMs]], ctx) {
  yield ctx.toReturn();
  await sleep(napMs);
  yield ["slept", napMs];
}
