/** Splits a folder into its documents.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

export async function* map([[, { folder, ...how }]], ctx) {
  yield ctx.mapTo("files");
  for (const name of await readdir(folder)) yield [join(folder, name), how];
}
