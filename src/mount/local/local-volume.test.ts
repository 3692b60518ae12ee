import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { volumeSuite } from "../../../test/conformance/volume-suite.ts";
import { LocalTree } from "./local-tree.ts";
import { LocalVolume } from "./local-volume.ts";

const owner = { uid: 0, gid: 0 };
const wallNs = (): bigint => 1_000n;
const MADE = { mode: 0o755, uid: 1, gid: 2 };

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-local-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("a local volume", () => {
  volumeSuite(async () => {
    const folder = await mkdtemp(join(tmpdir(), "jobx-local-"));
    const tree = new LocalTree(folder, { nowNs: 1n, owner });
    return {
      volume: new LocalVolume(tree, wallNs),
      other: new LocalVolume(tree, wallNs),
      dispose: async () => {
        tree.close();
        await rm(folder, { recursive: true });
      },
    };
  });

  /** A volume with a directory, a file in it, a file that was removed, and a symlink with an attribute. */
  async function fill(folder: string): Promise<LocalTree> {
    const tree = new LocalTree(folder, { nowNs: 1n, owner });
    const volume = new LocalVolume(tree, wallNs);
    const d = await volume.mkdir({ parent: volume.root, name: "d" }, MADE);
    for (const name of ["kept", "gone"]) {
      const path = join(folder, "staged");
      await writeFile(path, name);
      const [inode = 0] = await volume.reserve(1);
      const { hold } = await volume.commit({
        inode,
        place: { parent: d.inode, name, exclusive: true },
        path,
        bytes: name.length,
        attributes: { ...MADE, bytes: undefined, mtimeNs: -5n },
        mayTake: true,
        reason: "close",
      });
      await volume.close(hold);
    }
    await volume.unlink({ parent: d.inode, name: "gone" });
    const s = await volume.symlink({ parent: volume.root, name: "s" }, "to", MADE);
    await volume.setxattr(s.inode, { name: "user.a", value: Uint8Array.of(1), mode: "set" });
    return tree;
  }

  async function shown(tree: LocalTree): Promise<unknown> {
    const volume = new LocalVolume(tree, wallNs);
    const top = await volume.list(volume.root, { after: undefined, limit: 10 });
    const [d, s] = top.entries.map(({ attributes }) => attributes.inode);
    const below = await volume.list(d ?? 0, { after: undefined, limit: 10 });
    const xattrs = await volume.listxattr(s ?? 0);
    return { top, below, xattrs, root: await volume.getattr(volume.root) };
  }

  test("is the same after it was opened again, and gives no id twice", async () => {
    await withFolder(async (folder) => {
      const tree = await fill(folder);
      const before = await shown(tree);
      const [id = 0] = tree.reserve(10, {});
      // As after kill -9: nothing is closed.
      const again = new LocalTree(folder, { nowNs: 2n, owner });
      expect(await shown(again)).toEqual(before);
      expect(again.bytes).toBe(tree.bytes);
      expect(again.reserve(1, {})).toEqual([id + 10]);
      tree.close();
      again.close();
      const third = new LocalTree(folder, { nowNs: 3n, owner });
      expect(await shown(third)).toEqual(before);
      third.close();
    });
  });

  test("drops a last line that was cut, and refuses damage before it", async () => {
    await withFolder(async (folder) => {
      const tree = await fill(folder);
      const before = await shown(tree);
      tree.close();
      const journal = join(folder, "journal");
      appendFileSync(journal, '[{"kind":"entry","par');
      const again = new LocalTree(folder, { nowNs: 2n, owner });
      expect(await shown(again)).toEqual(before);
      again.close();
      const text = readFileSync(journal, "utf8");
      for (const damaged of [text.replace('"inode"', '"onode"'), text.replace("[", "("), "{}\n"]) {
        writeFileSync(journal, damaged);
        expect(() => new LocalTree(folder, { nowNs: 2n, owner })).toThrow("journal");
      }
    });
  });

  test("keeps no content that nothing refers to", async () => {
    await withFolder(async (folder) => {
      const tree = await fill(folder);
      tree.close();
      writeFileSync(join(folder, "content", "left over"), "x");
      new LocalTree(folder, { nowNs: 2n, owner }).close();
      const contents = readdirSync(join(folder, "content"));
      expect(contents.map((name) => readFileSync(join(folder, "content", name), "utf8"))).toEqual([
        "kept",
      ]);
    });
  });
});
