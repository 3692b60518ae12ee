/** What every `Volume` does, near or far. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Attributes, Commit, Place, Volume } from "../../src/mount/ports.ts";

/** Two clients of one empty volume, and how it goes away. */
export interface VolumeUnderTest {
  readonly volume: Volume;
  readonly other: Volume;
  readonly dispose: () => Promise<void>;
}

const MADE = { mode: 0o750, uid: 7, gid: 8 };
const KEEP = { mode: undefined, uid: undefined, gid: undefined, bytes: undefined };

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "done",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

/** A client, and a folder for what is committed. */
class Client {
  readonly volume: Volume;
  readonly #folder: string;
  #files = 0;

  constructor(volume: Volume, folder: string) {
    this.volume = volume;
    this.#folder = folder;
  }

  at(name: string, parent = this.volume.root): Place {
    return { parent, name };
  }

  /** Commits `text`: under a new name, or to an inode. */
  async commit(
    to: { readonly place: Place; readonly exclusive?: boolean } | { readonly inode: number },
    text: string,
    options: Partial<Commit> = {},
  ): Promise<Attributes> {
    this.#files += 1;
    const path = join(this.#folder, String(this.#files));
    await writeFile(path, text);
    const [fresh = 0] = "place" in to ? await this.volume.reserve(1) : [];
    const { attributes, hold } = await this.volume.commit({
      inode: "place" in to ? fresh : to.inode,
      place: "place" in to ? { ...to.place, exclusive: to.exclusive ?? false } : undefined,
      path,
      bytes: Buffer.byteLength(text),
      attributes: "place" in to ? { ...KEEP, ...MADE, mtimeNs: 5n } : { ...KEEP, mtimeNs: 6n },
      mayTake: true,
      reason: "close",
      ...options,
    });
    await this.volume.close(hold);
    return attributes;
  }

  async text(inode: number): Promise<string> {
    const { hold, attributes } = await this.volume.open(inode, undefined);
    const data = await this.volume.read(hold, { at: 0, length: attributes.bytes + 10 });
    await this.volume.close(hold);
    return Buffer.from(data).toString();
  }

  async names(limit = 100): Promise<readonly string[]> {
    const names: string[] = [];
    for (let more = true; more; ) {
      const page = await this.volume.list(this.volume.root, { after: names.at(-1), limit });
      names.push(...page.entries.map(({ name }) => name));
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      more = page.more;
    }
    return names;
  }
}

/** What not every volume keeps. */
export interface Kept {
  /** Else all is shown to be of `MADE`'s owner, whoever made it. */
  readonly owners: boolean;
  /** Times are rounded down to a multiple of it. */
  readonly timeStepNs: bigint;
}

const ALL: Kept = { owners: true, timeStepNs: 1n };

/** Runs the suite against what `create` makes. */
export function volumeSuite(create: () => Promise<VolumeUnderTest>, kept: Kept = ALL): void {
  const time = (ns: bigint): bigint => {
    const below = ns % kept.timeStepNs;
    return ns - (below < 0n ? below + kept.timeStepNs : below);
  };
  const on = (name: string, run: (here: Client, there: Client) => Promise<void>): void => {
    test(name, async () => {
      const { volume, other, dispose } = await create();
      const folder = await mkdtemp(join(tmpdir(), "jobx-commits-"));
      try {
        await mkdir(join(folder, "there"));
        await run(new Client(volume, folder), new Client(other, join(folder, "there")));
      } finally {
        await dispose();
        await rm(folder, { recursive: true });
      }
    });
  };

  on("a committed file has its content and attributes, for every client", async (here, there) => {
    const { inode } = await here.commit({ place: here.at("f") }, "text");
    const expected = { inode, kind: "file", ...MADE, links: 1, bytes: 4, mtimeNs: time(5n) };
    expect(await there.volume.lookup(there.at("f"))).toMatchObject(expected);
    expect(await there.text(inode)).toBe("text");
    const before = await there.volume.getattr(inode);
    const after = await there.commit({ inode }, "");
    expect(after).toMatchObject({ inode, bytes: 0, mtimeNs: time(6n), mode: MADE.mode });
    expect(after.content).not.toBe(before.content);
    expect(await here.text(inode)).toBe("");
  });

  on("held content stays as it was, whatever becomes of the file", async (here, there) => {
    const { inode } = await here.commit({ place: here.at("f") }, "before");
    const { hold } = await here.volume.open(inode, undefined);
    const late = await here.volume.open(inode, here.at("f"));
    await there.commit({ inode }, "after");
    await there.volume.unlink(there.at("f"));
    for (const held of [hold, late.hold]) {
      const data = await here.volume.read(held, { at: 2, length: 100 });
      expect(Buffer.from(data).toString()).toBe("fore");
      await here.volume.close(held);
      await here.volume.close(held);
    }
    expect(await codeOf(here.volume.read(hold, { at: 0, length: 1 }))).toBe("VOLUME_STALE");
    expect(await codeOf(here.volume.open(inode, undefined))).toBe("VOLUME_NOT_FOUND");
    expect(await codeOf(here.commit({ inode }, "gone"))).toBe("VOLUME_NOT_FOUND");
  });

  on("a name that another has by now opens nothing", async (here, there) => {
    const f = await here.commit({ place: here.at("f") }, "f");
    await here.commit({ place: here.at("g") }, "g");
    await there.volume.link(f.inode, there.at("h"));
    await there.volume.rename(there.at("g"), there.at("f"), { replace: true });
    expect(await codeOf(here.volume.open(f.inode, here.at("f")))).toBe("VOLUME_STALE");
    expect(await codeOf(here.volume.open(f.inode, here.at("h")))).toBe("done");
  });

  on(
    "a new file takes a name that was made meanwhile, unless it must be new",
    async (here, there) => {
      const first = await there.commit({ place: there.at("f") }, "first");
      const exclusive = { place: here.at("f"), exclusive: true };
      expect(await codeOf(here.commit(exclusive, "second"))).toBe("VOLUME_EXISTS");
      expect(await there.text(first.inode)).toBe("first");
      const third = await here.commit({ place: here.at("f") }, "third");
      expect(await there.volume.lookup(there.at("f"))).toMatchObject({ inode: third.inode });
      expect(await codeOf(there.volume.getattr(first.inode))).toBe("VOLUME_NOT_FOUND");
      await here.volume.mkdir(here.at("d"), MADE);
      expect(await codeOf(here.commit({ place: here.at("d") }, "x"))).toBe("VOLUME_IS_DIRECTORY");
    },
  );

  on("what may not be taken is left where it is", async (here) => {
    const { volume } = here;
    const folder = await mkdtemp(join(tmpdir(), "jobx-kept-"));
    const path = join(folder, "kept");
    const { inode } = await here.commit({ place: here.at("f") }, "one");
    await writeFile(path, "three");
    const commit = { inode, place: undefined, path, bytes: 5, mayTake: false } as const;
    const attributes = { ...KEEP, mtimeNs: 1n };
    const done = await volume.commit({ ...commit, attributes, reason: "fsync" });
    expect(done.taken).toBe(false);
    await writeFile(path, "other");
    expect(await here.text(inode)).toBe("three");
    await rm(folder, { recursive: true });
  });

  on("links share an inode, which goes with the last of them", async (here) => {
    const { volume } = here;
    const { inode } = await here.commit({ place: here.at("a") }, "x");
    expect(await volume.link(inode, here.at("b"))).toMatchObject({ inode, links: 2 });
    expect(await volume.unlink(here.at("a"))).toMatchObject({ inode, links: 1 });
    expect(await volume.unlink(here.at("b"))).toMatchObject({ inode, links: 0 });
    expect(await codeOf(volume.link(inode, here.at("c")))).toBe("VOLUME_NOT_FOUND");
    expect(await here.names()).toEqual([]);
  });

  on("directories count what is in them, and refuse to go while anything is", async (here) => {
    const { volume } = here;
    const d = await volume.mkdir(here.at("d"), MADE);
    const e = await volume.mkdir(here.at("e", d.inode), MADE);
    expect(await volume.getattr(d.inode)).toMatchObject({ kind: "directory", links: 3 });
    expect(await codeOf(volume.rmdir(here.at("d")))).toBe("VOLUME_NOT_EMPTY");
    expect(await codeOf(volume.unlink(here.at("d")))).toBe("VOLUME_IS_DIRECTORY");
    expect(await codeOf(volume.mkdir(here.at("d"), MADE))).toBe("VOLUME_EXISTS");
    const into = here.at("x", e.inode);
    const moved = volume.rename(here.at("d"), into, { replace: true });
    expect(await codeOf(moved)).toBe("VOLUME_INVALID");
    await volume.rename(here.at("e", d.inode), here.at("e"), { replace: false });
    expect(await volume.getattr(d.inode)).toMatchObject({ links: 2 });
    await volume.rmdir(here.at("d"));
    expect(await here.names()).toEqual(["e"]);
    expect(await codeOf(volume.mkdir(here.at("x", d.inode), MADE))).toBe("VOLUME_NOT_FOUND");
  });

  on("a rename tells what it moved and what it replaced", async (here) => {
    const { volume } = here;
    const a = await here.commit({ place: here.at("a") }, "a");
    const b = await here.commit({ place: here.at("b") }, "b");
    const kept = volume.rename(here.at("a"), here.at("b"), { replace: false });
    expect(await codeOf(kept)).toBe("VOLUME_EXISTS");
    const done = await volume.rename(here.at("a"), here.at("b"), { replace: true });
    expect(done).toMatchObject({ moved: a.inode, replaced: { inode: b.inode, links: 0 } });
    const nothing = volume.rename(here.at("a"), here.at("c"), { replace: true });
    expect(await codeOf(nothing)).toBe("VOLUME_NOT_FOUND");
    const same = await volume.rename(here.at("b"), here.at("b"), { replace: true });
    expect(same).toEqual({ moved: a.inode, replaced: undefined });
  });

  on("lists come in pages, in one order, and go on where they were", async (here) => {
    const names = Array.from({ length: 25 }, (_, index) => `n${index}`);
    for (const name of names) await here.volume.symlink(here.at(name), "t", MADE);
    expect([...(await here.names(7))].sort()).toEqual([...names].sort());
    expect(await here.names(7)).toEqual(await here.names(25));
    const first = await here.volume.list(here.volume.root, { after: undefined, limit: 7 });
    const last = first.entries.at(-1)?.name ?? "";
    await here.volume.unlink(here.at(last));
    const next = await here.volume.list(here.volume.root, { after: last, limit: 100 });
    expect(next.entries.length).toBe(25 - 7);
  });

  on("attributes change alone, and a file can be cut and filled with zeros", async (here) => {
    const { volume } = here;
    const { inode, content } = await here.commit({ place: here.at("f") }, "12345");
    const change = { ...KEEP, mtimeNs: undefined };
    const uid = kept.owners ? 3 : MADE.uid;
    const changed = await volume.setattr(inode, { ...change, mode: 0o4711, uid, mtimeNs: -9n });
    expect(changed).toMatchObject({ mode: 0o4711, uid, gid: 8, mtimeNs: time(-9n), content });
    await volume.setattr(inode, { ...change, bytes: 2 });
    await volume.setattr(inode, { ...change, bytes: 4 });
    expect(await here.text(inode)).toBe("12\0\0");
    const s = await volume.symlink(here.at("s"), "täget", MADE);
    expect([s.bytes, await volume.readlink(s.inode)]).toEqual([6, "täget"]);
    expect(await codeOf(volume.readlink(inode))).toBe("VOLUME_INVALID");
  });

  on("extended attributes are set, made, replaced and removed", async (here) => {
    const { volume } = here;
    const { inode } = await here.commit({ place: here.at("f") }, "");
    const value = Uint8Array.of(0, 255);
    await volume.setxattr(inode, { name: "user.a", value, mode: "set" });
    expect([...(await volume.getxattr(inode, "user.a"))]).toEqual([0, 255]);
    const again = volume.setxattr(inode, { name: "user.a", value, mode: "create" });
    expect(await codeOf(again)).toBe("VOLUME_ATTRIBUTE_EXISTS");
    const none = volume.setxattr(inode, { name: "user.b", value, mode: "replace" });
    expect(await codeOf(none)).toBe("VOLUME_ATTRIBUTE_MISSING");
    await volume.removexattr(inode, "user.a");
    expect(await volume.listxattr(inode)).toEqual([]);
    expect(await codeOf(volume.getxattr(inode, "user.a"))).toBe("VOLUME_ATTRIBUTE_MISSING");
  });

  on("names with control characters, slashes or too many bytes are refused", async (here) => {
    for (const name of ["", ".", "..", "a/b", "a\nb", "\u007f"]) {
      expect(await codeOf(here.volume.mkdir(here.at(name), MADE))).toBe("VOLUME_NAME_INVALID");
    }
    const long = here.at("ä".repeat(128));
    expect(await codeOf(here.volume.mkdir(long, MADE))).toBe("VOLUME_NAME_TOO_LONG");
    expect(await here.names()).toEqual([]);
  });

  on("others are told of a change, and who made it is not", async (here, there) => {
    const [own, others] = [await Heard.of(here.volume), await Heard.of(there.volume)];
    const { inode } = await here.commit({ place: here.at("f") }, "x");
    await expect.poll(() => others.told).toContain(`${here.volume.root}/f`);
    expect(others.told).toContain(String(inode));
    await there.volume.mkdir(there.at("d"), MADE);
    await expect.poll(() => own.told).toContain(`${here.volume.root}/d`);
    expect(own.told).not.toContain(`${here.volume.root}/f`);
    expect(own.told).not.toContain(String(inode));
    await Promise.all([own.stop(), others.stop()]);
  });
}

/** What one client hears of changes. */
class Heard {
  readonly told: string[] = [];
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  /** Of a client that trusts what it hears by now. */
  static async of(volume: Volume): Promise<Heard> {
    const heard = new Heard();
    heard.#ended = heard.#listen(volume);
    await expect.poll(() => volume.trustedMs()).toBeGreaterThan(0);
    return heard;
  }

  /** Ends when the volume does. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #listen(volume: Volume): Promise<void> {
    for await (const change of volume.changes(this.#stop.signal)) {
      if (change.kind === "entry") this.told.push(`${change.parent}/${change.name}`);
      else if (change.kind !== "all") this.told.push(String(change.inode));
    }
  }
}
