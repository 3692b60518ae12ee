/** Writes the list of a folder's documents, with their bytes, into the workflow's volume.
 *
 * Arguments: `folder`, an absolute path on every node; `path`, where the list goes.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export async function* map(args, ctx) {
  const { folder, path } = Object.fromEntries(args);
  yield ctx.toReturn();
  const names = (await readdir(folder)).filter((name) => name.endsWith(".txt")).sort();
  const writer = (await ctx.fs.open(path, "w")).getWriter();
  for (const name of names) {
    await writer.write(`${name} ${(await stat(join(folder, name))).size}\n`);
  }
  // The list is on its nodes, and seen by all, when this resolves.
  await writer.close();
  yield [path, names.length];
}
