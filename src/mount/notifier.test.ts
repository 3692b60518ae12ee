import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLog } from "../std/log.ts";
import { passChanges } from "./notifier.ts";
import type { VolumeChange } from "./ports.ts";

/** What a pipe of Linux holds: who writes more waits, as for a lock of the kernel. */
const PIPE_BYTES = 65_536;

test("a kernel that lets one notification wait holds up nobody for long, and gets all of them in the end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "jobx-notifier-"));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const fd = openSync(pipe, constants.O_RDWR);
  const stop = new AbortController();
  const asked: number[] = [];
  let told: (() => void) | undefined;
  const all = new Promise<void>((resolve) => {
    told = resolve;
  });
  async function* changes(): AsyncGenerator<VolumeChange> {
    for (let inode = 1; inode <= 6; inode += 1) {
      asked.push(inode);
      yield { kind: "attributes", inode };
    }
    told?.();
    await new Promise<void>((resolve) => {
      stop.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  const message = (change: VolumeChange): Uint8Array =>
    new Uint8Array(PIPE_BYTES / 2).fill(change.kind === "attributes" ? change.inode : 0);
  const passing = passChanges({
    ...{ fd, signal: stop.signal, log: silentLog },
    volume: { changes },
    session: { invalidation: message, holdsLocks: true },
  });
  // Two fit; the third waits in the kernel, and the others behind it.
  await all;
  expect(asked).toEqual([1, 2, 3, 4, 5, 6]);
  const seen: (number | undefined)[] = [];
  const part = new Uint8Array(PIPE_BYTES / 2);
  for (let read = 0; read < 6; read += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let at = 0; at < part.length; ) at += readSync(fd, part, at, part.length - at, null);
    seen.push(part[0]);
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  stop.abort();
  await passing;
  closeSync(fd);
  rmSync(folder, { recursive: true });
});
