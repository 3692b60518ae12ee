/** Reads what the programs have made, as a directory.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { execFileSync } from "node:child_process";

export async function* map(args, ctx) {
  yield ctx.toReturn();
  await ctx.workspaceDirectory("link", "made");
  const made = execFileSync("sh", ["-euc", 'cat "$JOBX_WORKSPACE/link"'], { encoding: "utf8" });
  for (const [name, isMounted] of args) {
    yield [name, [made, isMounted && (await ctx.fs.readText(`by/${ctx.request}`))]];
  }
}
