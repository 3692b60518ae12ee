/** What the package tells an editor about `ctx`, as it is built. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../lib/e2e-nodes.ts";

const HANDLER = `import type { HandlerContext } from "jobx/handler";
export async function* map(texts: AsyncIterable<[string, string]>, ctx: HandlerContext) {
  yield ctx.toReturn();
  ctx.progress(1, 2);
  const request: string = ctx.request;
  for await (const [key] of texts) yield [key + request, 1];
  ctx.status(3);
}
`;
const SCRIPT = `/** @param {unknown} texts @param {import("jobx/handler").HandlerContext} ctx */
export async function* map(texts, ctx) { yield ctx.mapTo("x"); ctx.shout(); }
`;

/** What the compiler complains of. */
function compiled(folder: string): Promise<readonly string[]> {
  const options = ["--noEmit", "--strict", "--allowJs", "--checkJs", "--target", "es2022"];
  const found = ["--module", "nodenext", "--types", "node"];
  const roots = ["--typeRoots", join(ROOT, "node_modules/@types")];
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const args = [compiler, ...options, ...found, ...roots, "count.ts", "shout.js"];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (_error, stdout) => {
      resolve(stdout.trim().split("\n").sort());
    });
  });
}

test("handlers in TypeScript and JavaScript are checked against the types of ctx", async () => {
  const folder = await mkdtemp(join(tmpdir(), "jobx-types-"));
  try {
    await mkdir(join(folder, "node_modules"));
    await symlink(ROOT, join(folder, "node_modules/jobx"));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(join(folder, "count.ts"), HANDLER);
    await writeFile(join(folder, "shout.js"), SCRIPT);
    const [first, second, ...more] = await compiled(folder);
    expect(first).toMatch(/^count\.ts\(7,14\).*'number' is not assignable/u);
    expect(second).toMatch(/^shout\.js\(2,68\).*'shout' does not exist/u);
    expect(more).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
