/** Writes, and fails if it is the first to.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { existsSync, writeFileSync } from "node:fs";

export async function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [name, gate] of args) {
    const isFirst = !existsSync(`${gate}.tried`);
    writeFileSync(`${gate}.tried`, "");
    await ctx.fs.write(`${ctx.workspace}/${isFirst ? "torn" : "whole"}`, name);
    await ctx.fs.publish(`${ctx.workspace}/${isFirst ? "torn" : "whole"}`, `out/${name}`);
    await ctx.fs.write(`${ctx.workspace}/both`, isFirst ? "first" : "second");
    const names = [];
    for await (const one of ctx.fs.ls(ctx.workspace)) names.push(one.name);
    if (isFirst) throw new Error("the first time it fails");
    yield [name, names];
  }
}
