import { expect, test } from "vitest";
import { machineClock } from "../../test/lib/handler-kit.ts";
import type { Language } from "../wire/dataset.ts";
import { PLAIN_MACHINE } from "./limits/report.ts";
import { TreeKeeper } from "./process-tree.ts";
import { WorkerCage } from "./worker-cage.ts";

async function commandFor(language: Language): Promise<readonly string[]> {
  const trees = await TreeKeeper.probe({ timers: machineClock, allowed: [] });
  const machine = { ...PLAIN_MACHINE, privileges: "dropped" } as const;
  const need = { language, name: "", version: "", memoryBytes: undefined, runtime: undefined };
  const ground = { trees, machine, timers: machineClock, hidden: [] };
  const cage = await WorkerCage.make(need, undefined, ground);
  const worker = { file: "/bin/true", args: [] };
  const { args } = await cage.command(worker, { directory: "/", readable: [] });
  await cage.release();
  return args;
}

test("workers lose their capabilities, but for those of containers, which get no new rights either", async () => {
  const python = await commandFor("python");
  expect(python).toContain("--no-new-privs");
  expect(python).toContain("--bounding-set=-all");
  const container = await commandFor("container");
  expect(container).toContain("--no-new-privs");
  expect(container).not.toContain("--bounding-set=-all");
});
