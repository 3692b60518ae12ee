/** What `ctx` has in both languages besides sessions, files and the log. */
import { afterEach, expect, test, vi } from "vitest";
import { failureOf, HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";

vi.setConfig({ testTimeout: 60_000 });

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const SAYS = {
  javascript: `export async function* map(args, ctx) {
    yield ctx.toReturn();
    ctx.status("reading");
    ctx.progress(3, 10);
    ctx.notify.warn("look here");
    yield [await ctx.run(["sh", "-c", "cat; exit 3"], { input: "printed\\n", successCode: 3 }), 1];
  }`,
  python: `def map(args, ctx):
    yield ctx.to_return()
    ctx.status("reading")
    ctx.progress(3, 10)
    ctx.notify.warning("look here")
    yield ctx.run(["sh", "-c", "cat; exit 3"], "printed\\n", 3), 1
`,
} as const;

test.each(["javascript", "python"] as const)(
  "status, progress, notifications and commands of a %s handler are in what its attempt tells",
  async (language) => {
    kit = await HandlerKit.open();
    const mapper = handlerOf(language, "mapper", SAYS[language]);
    const outcome = await kit.map({ mapper }, []);
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await kit.pairsOf(outcome.pairs)).toEqual([[3, 1]]);
    expect(outcome.printed?.stdout).toBe(
      "[info] status: reading\n[info] progress: 3 of 10\n[warn] look here\nprinted\n",
    );
  },
);

test.each([
  ["javascript", `ctx.progress("half", 1);`, "progress is two counts"],
  ["javascript", `await ctx.run(["false"]);`, 'command ["false"] ended with 1'],
  ["javascript", `await ctx.run(["/no/such/program"]);`, "ENOENT"],
  ["python", `ctx.progress("half", 1)`, "progress is two counts"],
  ["python", `ctx.run(["false"])`, "ended with 1"],
] as const)("in %s %s fails with a reason", async (language, words, reason) => {
  kit = await HandlerKit.open();
  const source =
    language === "python"
      ? `def map(args, ctx):\n    yield ctx.to_return()\n    ${words}\n`
      : `export async function* map(args, ctx) { yield ctx.toReturn(); ${words} }`;
  const outcome = await kit.map({ mapper: handlerOf(language, "mapper", source) }, []);
  expect(failureOf(outcome)?.message).toContain(reason);
});
