import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const bin = (name: string): string =>
  fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url));
/** Makes the program believe that it runs on another Node. */
const OLD_NODE = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.20.2"})`;

async function run(
  words: readonly string[],
  use: (child: ReturnType<typeof spawn>) => void = () => {},
): Promise<{ readonly exit: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, words, { env: { PATH: process.env["PATH"] } });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    err += String(chunk);
  });
  use(child);
  await once(child, "close");
  return { exit: child.exitCode, out, err };
}

test.each(["jobx", "jobx-node"])(
  "%s on an old Node says one sentence and exits 1",
  async (name) => {
    const { exit, out, err } = await run(["--import", OLD_NODE, bin(name), "--help"]);
    expect([exit, out]).toEqual([1, ""]);
    expect(err).toBe(`${name} needs Node 22 or newer; this is Node 20.20.2.\n`);
  },
);

test("an output that nobody reads ends the program quietly", async () => {
  const { exit, err } = await run([MAIN, "--help"], (child) => child.stdout?.destroy());
  expect([exit, err]).toEqual([0, ""]);
});

test.each([
  ["request", "--help"],
  ["help", "request"],
])("the help of a family, %s %s, lists its commands and no others", async (...words) => {
  const { exit, out } = await run([MAIN, ...words]);
  expect(exit).toBe(0);
  expect(out).toContain("request retry");
  expect(out).not.toContain("node list");
});

test("the version is the package's", async () => {
  const packageText = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const { exit, out } = await run([MAIN, "--version"]);
  expect(exit).toBe(0);
  expect(packageText).toContain(`"version": "${out.replace(/^jobx |\n$/gu, "")}"`);
});

test("a usage error exits 2", async () => {
  const { exit, err } = await run([MAIN, "frobnicate"]);
  expect(exit).toBe(2);
  expect(err).toContain("unknown command frobnicate");
});
