/** What calling handlers costs in each way that a handler can be written, through the data plane of one node. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleOf } from "../test/lib/bundle-kit.ts";
import { calls, pipeEcho, records } from "./handler-calls.ts";
import { handlerFile } from "./lib/definition.ts";
import { BenchPlane } from "./lib/plane.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";

const SLOTS = 2;
const C_SOURCE = new URL("../test/fixtures/handlers/frames/echo.c", import.meta.url);
const C_YAML = `main: echo
handler_type: mapper
required_capability: none
protocol: frames
`;

export async function languages(): Promise<Table> {
  const before = loadNow();
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-languages-"));
  const plane = await BenchPlane.start(folder, SLOTS);
  try {
    const echo = await pipeEcho();
    const figures: Figure[] = [echo];
    for (const [name, file] of await files(folder)) {
      const mapper = await plane.handler(file);
      const call = await calls(plane, mapper, 1);
      figures.push({ ...call, name: `${name}, calls`, ratio: call.value / echo.value });
      figures.push({ ...(await records(plane, mapper)), name: `${name}, pairs in and out` });
    }
    return {
      name: "languages",
      caption:
        "mappers that return what they are given, warm, one call in flight. Durability: sync for " +
        "runs; small results stay in memory until their completion is committed.",
      baseline: "pipe echo",
      figures,
      load: [before, loadNow()],
    };
  } finally {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type Named = readonly [name: string, file: Awaited<ReturnType<typeof handlerFile>>];

async function files(folder: string): Promise<readonly Named[]> {
  const program = join(folder, "echo");
  execFileSync("gcc", ["-O2", "-o", program, C_SOURCE.pathname]);
  const source = bundleOf({ "handler.yaml": C_YAML, echo: await readFile(program) });
  return [
    ["JavaScript", await handlerFile("pass.js")],
    ["Python", await handlerFile("pass.py")],
    ["cat in line mode", await handlerFile("pass.sh")],
    ["awk in line mode", await handlerFile("pass.awk")],
    ["C in frames", { name: "echo", path: "echo/handler.yaml", language: "executable", source }],
  ];
}
