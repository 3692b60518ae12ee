import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { ProcessTable } from "./process-table.ts";

const table = new ProcessTable();
const told = table.newest() !== undefined;

async function withChild(run: (pid: number) => void): Promise<void> {
  const child = spawn("/bin/sleep", ["1000"], { stdio: "ignore" });
  const ended = once(child, "exit");
  try {
    run(child.pid ?? 0);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

const newcomers = (since: number | undefined) =>
  table.newcomers(since).newcomers.map(({ pid }) => pid);

test.runIf(told)("newcomers are those that were started since", async () => {
  const before = table.newest();
  await withChild((pid) => {
    expect(newcomers(before)).toContain(pid);
    expect(newcomers(before)).not.toContain(process.pid);
    const { newest } = table.newcomers(before);
    expect(newcomers(newest)).not.toContain(pid);
  });
});

test.runIf(told)("numbers that began anew are newer than the largest", async () => {
  await withChild((pid) => {
    const largest = 2 ** 30;
    expect(newcomers(largest)).toContain(pid);
  });
});

test("without a number all are newcomers", () => {
  expect(newcomers(undefined)).toContain(process.pid);
});
