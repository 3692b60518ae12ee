/** Splits a document into its lines.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { readFile } from "node:fs/promises";

export async function* map(args, ctx) {
  yield ctx.mapTo("lines");
  for (const [path, how] of args) {
    const lines = (await readFile(path, "utf8")).split("\n");
    for (const [number, text] of lines.entries()) yield [number, { ...how, text }];
  }
}
