/** The hash of each value, and how many there are.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: null }]
 * required_capability: none
 */
import { createHash } from "node:crypto";

export async function* reduce(results) {
  for await (const [key, values] of results) {
    yield [key, [values.length, createHash("sha256").update(values[0]).digest("hex")]];
  }
}
