/** Splits a folder into its documents, the files that end in `.txt`.
 *
 * Arguments: `folder`, an absolute path on every node; `chunkBytes`, how large the chunks shall be that the
 * documents are split into (16 KiB unless given).
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { readdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

export async function* map(args, ctx) {
  const { folder, chunkBytes = 16_384 } = Object.fromEntries(args);
  if (typeof folder !== "string" || !isAbsolute(folder)) {
    throw new Error("give the absolute path of a folder, as in folder=/srv/texts");
  }
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1) {
    throw new Error("chunkBytes is a whole number of at least 1, as in chunkBytes:=16384");
  }
  yield ctx.mapTo("chunks");
  for (const name of (await readdir(folder)).sort()) {
    if (name.endsWith(".txt")) yield [join(folder, name), chunkBytes];
  }
}
