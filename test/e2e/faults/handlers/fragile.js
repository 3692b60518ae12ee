/** Returns its arguments, but throws for the key "bad" while the file that its value names is missing.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { existsSync } from "node:fs";

export function* map(args, ctx) {
  console.log("printed before");
  yield ctx.toReturn();
  for (const [key, value] of args) {
    if (key === "bad" && !existsSync(value)) throw new RangeError("thrown on purpose");
    yield [key, value];
  }
}
