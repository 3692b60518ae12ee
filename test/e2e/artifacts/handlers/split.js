/** Writes a text for each argument, and sends its path on.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export async function* map(args, ctx) {
  yield ctx.mapTo("inner");
  for (const [name, lines] of args) {
    const path = `${ctx.workspace}/in/${name}.txt`;
    const writer = (await ctx.fs.open(path, "w")).getWriter();
    for (let line = 0; line < lines; line++) await writer.write(`${name} ${line}\n`);
    await writer.close();
    yield [name, path];
  }
}
