/** The directory that handlers run in: whatever one attempt does to it, the next one has it to itself. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";
import { LeafBatch } from "./leaf-batch.ts";

// Real processes on a machine that does other things as well.
vi.setConfig({ testTimeout: 60_000 });

const UNITS = 24;
const WARM_RUNS = 12;

/** Mappers that tell where they are and what is there, and then do what their argument says. */
const MAPS = {
  javascript: `import fs from "node:fs";
    import path from "node:path";
    const home = process.cwd();
    export function* map(args, ctx) {
      const [[what, target]] = args;
      yield ctx.toReturn();
      yield ["found", fs.readdirSync(".")];
      yield ["place", [process.cwd(), home, process.pid]];
      const here = process.cwd();
      if (what === "writes") {
        fs.mkdirSync("deep/er", { recursive: true });
        for (const file of ["left", "deep/er/left", ".hidden"]) fs.writeFileSync(file, "x");
        fs.symlinkSync(target, "link");
      }
      if (what === "leaves") process.chdir("/");
      if (what === "removes") fs.rmSync(here, { recursive: true });
      if (what === "a file") { fs.rmSync(here, { recursive: true }); fs.writeFileSync(here, "x"); }
      if (what === "a link") { fs.rmSync(here, { recursive: true }); fs.symlinkSync(target, here); }
      if (what === "locks") { fs.writeFileSync("left", "x"); fs.chmodSync(".", 0); }
    }`,
  python: `import os, shutil
home = os.getcwd()
def map(args, ctx):
    what, target = args[0]
    yield ctx.to_return()
    yield "found", os.listdir(".")
    yield "place", [os.getcwd(), home, os.getpid()]
    here = os.getcwd()
    if what == "writes":
        os.makedirs("deep/er")
        for file in ("left", "deep/er/left", ".hidden"): open(file, "w").close()
        os.symlink(target, "link")
    if what == "leaves": os.chdir("/")
    if what in ("removes", "a file", "a link"): shutil.rmtree(here)
    if what == "a file": open(here, "w").close()
    if what == "a link": os.symlink(target, here)
    if what == "locks":
        open("left", "w").close()
        os.chmod(".", 0)
`,
};
const REDUCE = `export function* reduce(results) {
  for (const [key, [value]] of results) yield [key, value];
}`;

let kit: HandlerKit;
beforeAll(async () => {
  // By this clock all units are short, however busy the machine is.
  kit = await HandlerKit.open({ clock: { nowMs: () => performance.now() / 1000 } });
});
afterAll(() => kit.close());

describe.each(["javascript", "python"] as const)("%s", (language) => {
  const handlers = {
    mapper: handlerOf(language, "mapper", MAPS[language], { argumentType: "list" }),
    reducer: handlerOf("javascript", "reducer", REDUCE, { argumentType: "list" }),
  };
  /** A directory that is none of the handlers' business, with a file in it. */
  const target = () => join(kit.directory, `target-${language}`);
  beforeAll(async () => {
    await mkdir(target(), { recursive: true });
    await writeFile(join(target(), "kept"), "kept");
  });

  async function run(what: string): Promise<{ found: unknown; place: readonly unknown[] }> {
    const outcome = await kit.map(handlers, [[what, target()]]);
    expect(outcome).toMatchObject({ kind: "reduced" });
    const parts = outcome.kind === "reduced" ? outcome.parts.flat() : [];
    const pairs = new Map(await kit.pairsOf(parts));
    const place: unknown = pairs.get("place");
    return { found: pairs.get("found"), place: Array.isArray(place) ? place : [] };
  }

  test("is apart from the sources", async () => {
    const { found, place } = await run("");
    expect(found).toEqual([]);
    expect(place[0]).toBe(place[1]);
    expect(place[0]).toMatch(/worker-\d+\/work$/);
  });

  test.each(["writes", "leaves", "removes", "a file", "a link", "locks"])(
    "after one that %s the next finds it empty, at the same worker",
    async (what) => {
      const first = await run(what);
      const next = await run("");
      expect(next).toEqual({ found: [], place: first.place });
      expect(await readFile(join(target(), "kept"), "utf8")).toBe("kept");
    },
  );

  test("those that share a worker find nothing of each other", async () => {
    for (let count = 0; count < WARM_RUNS; count++) await run("writes");
    const batches = vi.spyOn(LeafBatch.prototype, "run");
    const all = await Promise.all(Array.from({ length: UNITS }, () => run("writes")));
    expect(batches).toHaveBeenCalled();
    batches.mockRestore();
    expect(all.map(({ found }) => found)).toEqual(Array(UNITS).fill([]));
  });
});
