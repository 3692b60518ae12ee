/** `jobx-ctx` as programs in line mode call it. */
import { afterEach, expect, test, vi } from "vitest";
import { failureOf, HandlerKit, handlerOf, resultOf } from "../../../../test/lib/handler-kit.ts";
import type { HandlerType } from "../../../wire/dataset.ts";

vi.setConfig({ testTimeout: 60_000 });

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async () => {
  kit = await HandlerKit.open();
  return kit;
};

const script = (type: HandlerType, body: string) =>
  handlerOf("executable", type, `#!/bin/sh\nset -e\n${body}`, { name: `told.${type}` });

test("what a mapper keeps in its session its reducer finds, as what it was", async () => {
  const own = await open();
  const mapper = script(
    "mapper",
    `jobx-ctx session set name 'two words'
jobx-ctx session set 7 '[1,"x"]'
jobx-ctx session set name 'three of them'
printf 'k\\t%s\\n' "$(jobx-ctx session get name)"
`,
  );
  const reducer = script(
    "reducer",
    `cat
printf 'name\\t%s\\n' "$(jobx-ctx session get name)"
printf 'seven\\t%s\\n' "$(jobx-ctx session get 7)"
jobx-ctx session get none || printf 'none\\t%s\\n' $?
jobx-ctx session list | wc -l | sed 's/^ */count\\t/'
`,
  );
  const outcome = await own.map({ mapper, reducer }, [["a", 1]], { keepYieldOrder: true });
  expect(await resultOf(own, outcome)).toEqual([
    ["k", "three of them"],
    ["name", "three of them"],
    ["seven", [1, "x"]],
    ["none", 1],
    ["count", 2],
  ]);
});

test("logs, status and progress are lines of the log, also from programs that close what they inherit", async () => {
  const own = await open();
  const mapper = script(
    "mapper",
    `jobx-ctx log warn "it is\\$5"
jobx-ctx status 'reading "all"'
/usr/bin/python3 -c 'import subprocess; subprocess.run(["jobx-ctx", "progress", "3", "10"], check=True)'
`,
  );
  const outcome = await own.map({ mapper }, []);
  if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
  expect(outcome.printed?.stdout).toBe(
    '[warn] it is$5\n[info] status: reading "all"\n[info] progress: 3 of 10\n',
  );
});

test.each([
  ["a reducer's session", "reducer", "jobx-ctx session set a 1", "only a mapper may write"],
  ["an unknown word", "mapper", "jobx-ctx shout", "jobx-ctx log"],
  [
    "a text that is too long",
    "mapper",
    `jobx-ctx log "$(printf %5000s x)"`,
    "more than 4096 bytes",
  ],
  ["progress without numbers", "mapper", "jobx-ctx progress half all", "are numbers"],
  ["a file that is not there", "mapper", "jobx-ctx publish none out", "no such file: none"],
  ["a volume that is not there", "mapper", "echo x > f; jobx-ctx publish f out", "jobx-ctx: "],
] as const)("%s is refused with a reason", async (_what, type, body, reason) => {
  const own = await open();
  const handler = script(type, body);
  const outcome =
    type === "mapper"
      ? await own.map({ mapper: handler }, [])
      : await own.reduce(handler, [await own.sortedDataset([["k", 1]])]);
  expect(failureOf(outcome)?.stderr).toContain(reason);
});
