/** The volume over a real API server whose node keeps its rows and blocks in memory. */
import { beforeEach, describe, expect, test } from "vitest";
import { volumeSuite } from "../../../test/conformance/volume-suite.ts";
import { cluster, url } from "../../../test/lib/cli-kit.ts";
import { TOKENS } from "../../../test/lib/fake-tokens.ts";
import { Transport } from "../../api/transport.ts";
import { NearNodes } from "./near-nodes.ts";
import { RemoteCalls } from "./remote-calls.ts";
import { RemoteVolume } from "./remote-volume.ts";

const OWNER = { uid: 7, gid: 8 };

function client(urls: readonly string[] = [url]): RemoteVolume {
  const deps = {
    fetch,
    clock: { nowMs: () => performance.now() },
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    randomKey: () => "key",
  };
  const transport = new Transport(deps, { urls, token: TOKENS.admin, deadlineMs: 5_000 });
  const calls = new RemoteCalls(transport, "text");
  const near = new NearNodes(calls, deps.clock);
  return new RemoteVolume(calls, { root: 1, owner: OWNER, near });
}

describe("a volume at a node", () => {
  volumeSuite(
    () => Promise.resolve({ volume: client(), other: client(), dispose: () => Promise.resolve() }),
    { owners: false, timeStepNs: 1000n, tellsChanges: false },
  );
});

describe("a volume at several nodes", () => {
  const DEAD = "http://127.0.0.1:61999";
  let volume: RemoteVolume;

  beforeEach(() => {
    volume = client([DEAD, url]);
  });

  test("is asked for at the next node where one does not answer", async () => {
    const made = await volume.mkdir({ parent: 1, name: "d" }, { mode: 0o755, ...OWNER });
    expect(await client().lookup({ parent: 1, name: "d" })).toEqual(made);
    expect(cluster.calls).toEqual([]);
  });

  test("says VOLUME_UNAVAILABLE where none answers", async () => {
    const gone = client([DEAD]).getattr(1);
    await expect(gone).rejects.toMatchObject({ code: "VOLUME_UNAVAILABLE" });
  });

  test("refuses owners that it cannot keep, and takes the one that it shows", async () => {
    const { inode } = await volume.mkdir({ parent: 1, name: "d" }, { mode: 0o755, ...OWNER });
    const change = { mode: undefined, mtimeNs: undefined, bytes: undefined, gid: undefined };
    await volume.setattr(inode, { ...change, uid: OWNER.uid });
    const other = volume.setattr(inode, { ...change, uid: OWNER.uid + 1 });
    await expect(other).rejects.toMatchObject({ code: "VOLUME_FORBIDDEN" });
  });

  test("tells the room of the disk where the volume has no quota", async () => {
    expect(await volume.statfs()).toMatchObject({ bytesFree: 1e12, bytesTotal: 1e12 });
  });
});
