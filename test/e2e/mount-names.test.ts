/** A folder of very many names, listed through a mount whose server keeps to its memory. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { TAR_END, tarHeader } from "../../src/api/tar/tar-writer.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";

const run = promisify(execFile);

/** Far more than the server remembers of names, of inodes and of what its kernel was told. */
const NAMES = 100_000;
const MEMORY_MB_MAX = 200;
const LIST_MS_MAX = 150_000;
const TEST_MS_MAX = 400_000;

/** Empty files. */
function* archive(): Generator<Uint8Array> {
  const common = { kind: "file", bytes: 0, mode: 0o644, mtimeMicros: 0 } as const;
  for (let from = 0; from < NAMES; from += 500) {
    const heads = Array.from({ length: 500 }, (_, at) => {
      return tarHeader({ ...common, path: `${(from + at) % 1000}-name-${from + at}` });
    });
    yield Buffer.concat(heads);
  }
  yield TAR_END;
}

/** The most memory that a process has had since that was forgotten, MB. */
async function mostMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
}

describe.skipIf(mountsRefused() !== undefined)("a folder of many names", () => {
  const cluster = useCluster(1);

  test(
    "is listed again and again by a server that takes less than 200 MB",
    async () => {
      await cluster.client(1).createWorkflow({ workflow: "many" });
      await cluster.scheduler("many", 1);
      const url = `${cluster.api(1)}/v1/workflows/many/fs/tree?path=/many`;
      const headers = { authorization: `Bearer ${cluster.token}` };
      const body = ReadableStream.from(archive());
      const answer = await fetch(url, { method: "PUT", headers, body, duplex: "half" });
      expect(await answer.json()).toMatchObject({ files: NAMES });
      const place = join(cluster.folder, "mnt");
      await mkdir(place);
      const mounted = await cluster.jobx(
        1,
        "fs",
        "mount",
        "many:",
        place,
        "--background",
        "--json",
      );
      expect(mounted).toMatchObject({ code: 0, stderr: "" });
      const pid = Number(/"pid": ?(\d+)/.exec(mounted.stdout)?.[1]);
      try {
        for (let round = 0; round < 2; round++) {
          // The kernel's own limit of open files and memory has no part in this: names only, unsorted.
          const list = ["-c", `ls -f "$1" | wc -l`, "sh", join(place, "many")];
          const options = { timeout: LIST_MS_MAX, killSignal: "SIGKILL" } as const;
          const { stdout } = await run("sh", list, options);
          // With "." and "..".
          expect(Number(stdout)).toBe(NAMES + 2);
          // A name in it is made and found at once, though the listing has filled the server's memory.
          await writeFile(join(place, "many", `made-${round}`), "made");
          expect(await readFile(join(place, "many", `made-${round}`), "utf8")).toBe("made");
          await run("rm", [join(place, "many", `made-${round}`)], options);
          expect(await mostMb(pid)).toBeLessThan(MEMORY_MB_MAX);
        }
      } finally {
        await cluster.jobx(1, "fs", "unmount", place);
      }
    },
    TEST_MS_MAX,
  );
});
