/** Programs that speak frames themselves: one in C, compiled here, and one in Perl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { bundleOf } from "../../../../test/lib/bundle-kit.ts";
import {
  failureOf,
  HandlerKit,
  machineClock,
  type Pair,
  resultOf,
  type TestHandler,
} from "../../../../test/lib/handler-kit.ts";
import { checkHandler } from "../../handler-check.ts";

vi.setConfig({ testTimeout: 60_000 });

const FIXTURES = fileURLToPath(
  new URL("../../../../test/fixtures/handlers/frames/", import.meta.url),
);
const directory = mkdtempSync(join(tmpdir(), "jobx-frames-"));
afterAll(() => rmSync(directory, { recursive: true }));

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async () => {
  kit = await HandlerKit.open();
  return kit;
};

async function accepted(own: HandlerKit, file: string, source: string): Promise<TestHandler> {
  const options = { pool: own.pool, timers: machineClock };
  const checked = await checkHandler({ name: "told", file, source }, options);
  if (checked.kind !== "accepted") throw new Error(JSON.stringify(checked));
  const { definition } = checked;
  const { name, version, language, type, argumentType, memoryBytes, runtime } = definition;
  const ref = { name, version, language, type, argumentType, memoryBytes, runtime };
  return { ref, source: definition.source };
}

function compiled(): Uint8Array {
  const program = join(directory, "echo");
  execFileSync("gcc", ["-O2", "-Wall", "-Werror", "-o", program, join(FIXTURES, "echo.c")]);
  return readFileSync(program);
}

const ECHO_YAML = `main: echo
handler_type: mapper
required_capability: none
protocol: frames
`;

test("a mapper in C and a reducer in Perl give each other what they yield", async () => {
  const own = await open();
  const source = bundleOf({ "handler.yaml": ECHO_YAML, echo: compiled() });
  const mapper = await accepted(own, "told/handler.yaml", source);
  const reducer = await accepted(own, "sum.pl", readFileSync(join(FIXTURES, "sum.pl"), "utf8"));
  const pairs = Array.from({ length: 3000 }, (_, at): Pair => [`key ${at % 2}`, 1]);
  const outcome = await own.map({ mapper, reducer }, pairs);
  expect(await resultOf(own, outcome)).toEqual([
    ["batches", Math.ceil(3000 / 256)],
    ["key 0", 1500],
    ["key 1", 1500],
  ]);
});

test("its process serves one call after the other, of its own handler alone", async () => {
  const own = await open();
  const reducer = await accepted(own, "sum.pl", readFileSync(join(FIXTURES, "sum.pl"), "utf8"));
  const pids: unknown[] = [];
  for (const values of [[1, 2], [3]]) {
    const input = await own.sortedDataset(values.map((value): Pair => ["k", value]));
    const outcome = await own.reduce(reducer, [input]);
    expect(await resultOf(own, outcome)).toEqual([
      ["k", values.reduce((sum, one) => sum + one, 0)],
    ]);
    // The other one, of line mode, has checked the source.
    pids.push(own.pool.pids.at(-1));
  }
  expect(new Set(pids).size).toBe(1);
});

test("a value that is spread over several frames is added up", async () => {
  const own = await open();
  const reducer = await accepted(own, "sum.pl", readFileSync(join(FIXTURES, "sum.pl"), "utf8"));
  const pairs = Array.from({ length: 100_000 }, (): Pair => ["k", 1]);
  const outcome = await own.reduce(reducer, [await own.sortedDataset(pairs)]);
  expect(await resultOf(own, outcome)).toEqual([["k", 100_000]]);
});

test.each([
  ["ends in the middle of a call", "exit 5 if $frame->{kind} eq 'start';", "HANDLER_CRASHED"],
  ["writes what is no frame", "syswrite($out, 'no frame here');", "HANDLER_PROTOCOL"],
])("a program that %s fails its attempt with a code", async (_what, mischief, code) => {
  const own = await open();
  const good = readFileSync(join(FIXTURES, "sum.pl"), "utf8");
  const bad = good.replace(
    "elsif ($frame->{kind} eq 'start') {",
    `elsif ($frame->{kind} eq 'start') { ${mischief}`,
  );
  const reducer = await accepted(own, "sum.pl", bad);
  const outcome = await own.reduce(reducer, [await own.sortedDataset([["k", 1]])]);
  expect(failureOf(outcome)).toMatchObject({ code });
});
