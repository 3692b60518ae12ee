/** What a mount that has a lease asks of its node, over a real API server. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { volumeSuite } from "../../../test/conformance/volume-suite.ts";
import { url } from "../../../test/lib/cli-kit.ts";
import { TOKENS } from "../../../test/lib/fake-tokens.ts";
import { Transport } from "../../api/transport.ts";
import type { Attributes, InodeId } from "../ports.ts";
import { NearNodes } from "./near-nodes.ts";
import { RemoteCalls } from "./remote-calls.ts";
import { RemoteVolume } from "./remote-volume.ts";

const OWNER = { uid: 7, gid: 8 };
const MADE = { mode: 0o755, ...OWNER };
const nowMs = (): number => performance.now();

/** A volume that hears of changes, and what it has called, without its questions for changes. */
class Client {
  readonly calls: string[] = [];
  readonly volume: RemoteVolume;
  readonly #stop = new AbortController();
  readonly #heard: Promise<void>;
  /** The next call of this kind gets no answer. */
  loses: string | undefined;

  constructor() {
    const deps = {
      fetch: (async (input: URL, init?: RequestInit) => {
        const kind = `${init?.method} ${input.pathname.replace(/.*\/fs\//, "")}`;
        if (kind !== "GET changes") this.calls.push(kind);
        const answer = await fetch(input, init);
        if (kind !== this.loses) return answer;
        this.loses = undefined;
        throw new Error("the answer was lost");
      }) satisfies (input: URL, init?: RequestInit) => Promise<Response>,
      clock: { nowMs },
      sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
      randomKey: () => "key",
    };
    const fetchAny: typeof fetch = (input, init) => deps.fetch(new URL(String(input)), init);
    const transport = new Transport(
      { ...deps, fetch: fetchAny },
      { urls: [url], token: TOKENS.admin, deadlineMs: 5_000 },
    );
    const calls = new RemoteCalls(transport, { workflow: "text", mount: randomUUID() });
    const near = new NearNodes(calls, { nowMs });
    this.volume = new RemoteVolume(calls, { root: 1, owner: OWNER, near, nowMs, knownMs: 1_000 });
    this.#heard = this.#hear();
  }

  async trusted(): Promise<this> {
    await expect.poll(() => this.volume.trustedMs()).toBeGreaterThan(0);
    // What it knows of is forgotten with the first word of the cluster.
    await this.volume.statfs();
    this.calls.length = 0;
    return this;
  }

  /** What it has called since it was asked last. */
  called(): readonly string[] {
    return this.calls.splice(0);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#heard;
  }

  async #hear(): Promise<void> {
    for await (const _ of this.volume.changes(this.#stop.signal));
  }
}

let folder: string;
let here: Client;
let there: Client;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "names-"));
  here = await new Client().trusted();
  there = await new Client().trusted();
});

afterEach(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** Makes a file as a mount does: looks, and commits it. */
async function create(client: Client, parent: InodeId, name: string): Promise<Attributes> {
  await expect(client.volume.lookup({ parent, name })).rejects.toMatchObject({
    code: "VOLUME_NOT_FOUND",
  });
  const [inode = 0] = await client.volume.reserve(1);
  const committed = await client.volume.commit({
    ...{ inode, place: { parent, name, exclusive: true }, bytes: name.length },
    ...{ data: new TextEncoder().encode(name), path: "" },
    attributes: { mode: 0o644, ...OWNER, bytes: undefined, mtimeNs: 1_000n },
    ...{ mayTake: true, reason: "close" },
  });
  await client.volume.close(committed.hold);
  return committed.attributes;
}

describe("a volume under a lease", () => {
  volumeSuite(
    async () => {
      const [volume, other] = [await new Client().trusted(), await new Client().trusted()];
      const dispose = async (): Promise<void> => {
        await Promise.all([volume.stop(), other.stop()]);
      };
      return { volume: volume.volume, other: other.volume, dispose };
    },
    { owners: false, timeStepNs: 1000n },
  );
});

describe("a mount that has a lease", () => {
  test("makes a file in a folder of its own with its content's call alone", async () => {
    const { inode } = await here.volume.mkdir({ parent: 1, name: "d" }, MADE);
    await create(here, inode, "first");
    here.called();
    for (const name of ["a", "b", "c"]) {
      const made = await create(here, inode, name);
      await here.volume.getattr(inode);
      expect(await here.volume.lookup({ parent: inode, name })).toEqual(made);
    }
    const calls = here.called().filter((call) => call !== "POST inode/reserve");
    expect(calls).toEqual(Array.from({ length: 3 }, () => "PUT inode/content"));
    expect(await there.volume.lookup({ parent: inode, name: "c" })).toEqual(
      await here.volume.lookup({ parent: inode, name: "c" }),
    );
  });

  test("asks for nothing that it has listed, and for what others changed since", async () => {
    const { inode } = await there.volume.mkdir({ parent: 1, name: "d" }, MADE);
    const before = await create(there, inode, "f");
    await here.volume.list(inode, { after: undefined, limit: 1000 });
    here.called();
    expect(await here.volume.lookup({ parent: inode, name: "f" })).toEqual(before);
    expect(await here.volume.getattr(before.inode)).toEqual(before);
    expect(here.called()).toEqual([]);
    const change = { mode: 0o600, bytes: undefined, mtimeNs: undefined };
    const after = await there.volume.setattr(before.inode, {
      ...change,
      ...{ uid: undefined, gid: undefined },
    });
    expect(after.mode).toBe(0o600);
    expect(await here.volume.lookup({ parent: inode, name: "f" })).toEqual(after);
    const g = await create(there, inode, "g");
    expect(await here.volume.lookup({ parent: inode, name: "g" })).toEqual(g);
    await there.volume.unlink({ parent: inode, name: "f" });
    await expect(here.volume.lookup({ parent: inode, name: "f" })).rejects.toMatchObject({
      code: "VOLUME_NOT_FOUND",
    });
  });

  test("lists a folder of which it was asked for several names", async () => {
    const { inode } = await there.volume.mkdir({ parent: 1, name: "d" }, MADE);
    for (let at = 0; at < 8; at += 1) await create(there, inode, `f${at}`);
    for (let at = 0; at < 4; at += 1) await here.volume.lookup({ parent: inode, name: `f${at}` });
    await expect.poll(() => here.calls.includes("GET inode/list")).toBe(true);
    await here.volume.list(inode, { after: undefined, limit: 1000 });
    here.called();
    for (let at = 0; at < 8; at += 1) await here.volume.lookup({ parent: inode, name: `f${at}` });
    expect(here.called()).toEqual([]);
  });

  test("goes by nothing for a while after a change whose answer was lost", async () => {
    const { inode } = await here.volume.mkdir({ parent: 1, name: "d" }, MADE);
    here.called();
    await here.volume.getattr(inode);
    expect(here.called()).toEqual([]);
    here.loses = "POST inode/mkdir";
    await expect(here.volume.mkdir({ parent: inode, name: "e" }, MADE)).rejects.toMatchObject({
      code: "VOLUME_UNAVAILABLE",
    });
    here.called();
    await here.volume.lookup({ parent: inode, name: "e" });
    await here.volume.lookup({ parent: inode, name: "e" });
    expect(here.called()).toEqual(["GET inode", "GET inode"]);
  });
});
