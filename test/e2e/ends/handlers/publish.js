/** Publishes what the parts have left in the workspace.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export async function* reduce(results, ctx) {
  for (const [name, [own]] of results) {
    const text = await ctx.fs.readText(`${ctx.workspace}/${name}`);
    await ctx.fs.cp(`${ctx.workspace}/${name}`, `${ctx.workspace}/copy-${name}`);
    await ctx.fs.publish(`${ctx.workspace}/copy-${name}`, `out/${ctx.request}/${name}`);
    yield [name, [own, text.startsWith(own), text.length]];
  }
}
