/** Reads what the others have written, and what they say of it.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export async function* reduce(results, ctx) {
  for (const [name, [[path, size, cid]]] of results) {
    const text = await ctx.fs.readText(path);
    const isSame = text.length === size && (await ctx.fs.cidOf(path)) === cid;
    const missing = await ctx.fs.readText(`${path}.not`).catch((error) => error.code);
    yield [name, [text.split("\n")[0], text.length, isSame, missing]];
  }
}
