/** The volume over a real API server whose node keeps its rows and blocks in memory. */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { volumeSuite } from "../../../test/conformance/volume-suite.ts";
import { cluster, url } from "../../../test/lib/cli-kit.ts";
import { TOKENS } from "../../../test/lib/fake-tokens.ts";
import { Transport } from "../../api/transport.ts";
import { NearNodes } from "./near-nodes.ts";
import { RemoteCalls } from "./remote-calls.ts";
import { RemoteVolume } from "./remote-volume.ts";

const OWNER = { uid: 7, gid: 8 };
const KNOWN = { nowMs: () => performance.now(), knownMs: 1_000 };

function client(urls: readonly string[] = [url], token: string = TOKENS.admin): RemoteVolume {
  const deps = {
    fetch,
    clock: { nowMs: () => performance.now() },
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    randomKey: () => "key",
  };
  const transport = new Transport(deps, { urls, token, deadlineMs: 5_000 });
  const calls = new RemoteCalls(transport, { workflow: "text", mount: randomUUID() });
  const near = new NearNodes(calls, deps.clock);
  return new RemoteVolume(calls, { root: 1, owner: OWNER, near, ...KNOWN });
}

describe("a volume at a node", () => {
  volumeSuite(
    () => Promise.resolve({ volume: client(), other: client(), dispose: () => Promise.resolve() }),
    { owners: false, timeStepNs: 1000n },
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

describe("content that is given while it is written", () => {
  const MIB = 1 << 20;
  const ATTRIBUTES = { mode: 0o644, uid: 7, gid: 8, bytes: undefined, mtimeNs: 5n };
  let folder = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jobx-early-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A file, all of which was given but `missing`, and committed under that name. */
  async function committed(volume: RemoteVolume, name: string, missing: number) {
    const data = randomBytes(2 * MIB + 100);
    const path = join(folder, name);
    await writeFile(path, data);
    const early = await volume.beginEarly();
    const staged = { kind: "file", path } as const;
    const last = data.length - 2 * MIB;
    // In any order, and one of them twice.
    await early?.put({ staged, at: 2 * MIB, length: last - missing });
    await early?.put({ staged, at: 0, length: 2 * MIB });
    await writeFile(path, data.fill(7, MIB, MIB + 10));
    await early?.put({ staged, at: MIB, length: MIB });
    const [inode = 0] = await volume.reserve(1);
    const place = { parent: 1, name, exclusive: true };
    const commit = { inode, place, path, bytes: data.length, attributes: ATTRIBUTES };
    return { early, data, commit: { ...commit, mayTake: true, reason: "close", early } as const };
  }

  async function read(volume: RemoteVolume, hold: string, bytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes; at += MIB) {
      parts.push(await volume.read(hold, { at, length: MIB }));
    }
    return Buffer.concat(parts);
  }

  test("is that of the file when it is committed, and not sent again", async () => {
    const volume = client();
    const { data, commit } = await committed(volume, "early", 0);
    await rm(commit.path);
    const { attributes, hold } = await volume.commit(commit);
    expect(attributes.bytes).toBe(data.length);
    expect((await read(volume, hold, data.length)).equals(data)).toBe(true);
    // What is committed stays when the rest of it is let go.
    commit.early?.end();
    const again = await client().open(attributes.inode, undefined);
    expect(again.attributes.content).toBe(attributes.content);
  });

  test("is sent whole where a piece is missing, or the node has given it up", async () => {
    const volume = client();
    const missing = await committed(volume, "missing", 1);
    const first = await volume.commit(missing.commit);
    expect((await read(volume, first.hold, missing.data.length)).equals(missing.data)).toBe(true);
    const ended = await committed(volume, "ended", 0);
    ended.early?.end();
    await expect.poll(() => ended.early?.isOver).toBe(true);
    const second = await volume.commit(ended.commit);
    expect((await read(volume, second.hold, ended.data.length)).equals(ended.data)).toBe(true);
    const more = { staged: { kind: "file", path: ended.commit.path }, at: 0, length: 1 } as const;
    await expect(ended.early?.put(more)).rejects.toMatchObject({ code: "VOLUME_UNAVAILABLE" });
  });
});

describe("a volume that two use", () => {
  /** Hears of changes, each when `may` lets it go on; `told` are the names. */
  function listen(volume: RemoteVolume, may: () => Promise<void>) {
    const stop = new AbortController();
    const told: string[] = [];
    const ended = (async () => {
      for await (const change of volume.changes(stop.signal)) {
        if (change.kind !== "entry") continue;
        await may();
        told.push(change.name);
      }
    })();
    const end = (): Promise<void> => {
      stop.abort();
      return ended;
    };
    return { told, stop: end };
  }

  test("is changed for one only when the other has dealt with the change before", async () => {
    const [here, there] = [client(), client()];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const others = listen(there, () => held);
    await expect.poll(() => there.trustedMs()).toBeGreaterThan(0);
    let isDone = false;
    const made = here.mkdir({ parent: 1, name: "d" }, { mode: 0o755, ...OWNER }).then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(isDone).toBe(false);
    release();
    await made;
    expect(others.told).toEqual(["d"]);
    await others.stop();
  });

  test("is trusted by nobody who has not heard of changes in time", async () => {
    const there = client();
    const others = listen(there, () => new Promise((resolve) => setTimeout(resolve, 3_500)));
    await expect.poll(() => there.trustedMs()).toBeGreaterThan(0);
    await client().mkdir({ parent: 1, name: "e" }, { mode: 0o755, ...OWNER });
    expect([there.trustedMs(), others.told]).toEqual([0, []]);
    await expect.poll(() => others.told, { timeout: 5_000 }).toEqual(["e"]);
    await others.stop();
  });

  test("holds nobody up, and is trusted by nobody, for a token that may only read", async () => {
    const there = client([url], TOKENS.read);
    const others = listen(there, () => new Promise(() => undefined));
    expect(there.trustedMs()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await client().mkdir({ parent: 1, name: "e" }, { mode: 0o755, ...OWNER });
    expect([there.trustedMs(), others.told]).toEqual([0, []]);
    await others.stop();
  });

  test("is not waited for by others when nobody has used it for a while", async () => {
    const there = client();
    const others = listen(there, () => Promise.resolve());
    await expect.poll(() => there.trustedMs()).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    await client().mkdir({ parent: 1, name: "e" }, { mode: 0o755, ...OWNER });
    expect(others.told).toEqual([]);
    expect(there.trustedMs()).toBe(0);
    await expect.poll(() => there.trustedMs()).toBeGreaterThan(0);
    await others.stop();
  });
});
