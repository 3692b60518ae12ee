/** A part for each argument.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export async function* map(args, ctx) {
  yield ctx.mapTo("part");
  await ctx.fs.write(`${ctx.workspace}/in`, "for all");
  yield* args;
}
