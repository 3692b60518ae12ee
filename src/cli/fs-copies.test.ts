import { expect, test } from "vitest";
import { called, cluster, jobx } from "../../test/lib/cli-kit.ts";
import { FIRST_NODE } from "../../test/lib/fake-node.ts";

test("where tells on which nodes a file is, and what is short", async () => {
  const ran = await jobx("fs where text:/in/f");
  expect(ran).toMatchObject({ exit: 0, err: "" });
  expect(ran.out).toBe("1/2 copies  1 short  node-1 3/3, node-2 2/3  /in/f\n");
  const [line = ""] = (await jobx("fs where text:/in/f --json")).out.split("\n");
  expect(JSON.parse(line)).toMatchObject({ path: "/in/f", copies: 1, short: 1 });
});

test("heal goes through all steps and sums them up", async () => {
  const ran = await jobx("fs heal text");
  expect(ran.exit).toBe(0);
  expect(ran.out).toBe(
    "4 blocks looked at, 2 copies made (2.0 KiB), 0 still short, 0 on nodes that are away, 0 lost\n",
  );
  expect(called("copies.heal")).toMatchObject({ workflow: "text", after: "a".repeat(64) });
});

test("verify reads all of a node, says that copies are damaged, and is content when they are repaired", async () => {
  const ran = await jobx("fs verify --node node-1");
  expect(ran.exit).toBe(1);
  expect(ran.out).toBe("4 blocks read (3.9 KiB), 2 damaged, 0 repaired\n");
  expect(await jobx("fs verify --node node-1 --repair")).toMatchObject({ exit: 0 });
  expect(called("copies.verifyNode")).toMatchObject({ node: "node-1", repair: true });
  expect((await jobx("fs verify text:/f --node node-1")).exit).toBe(2);
});

test("verify of all nodes leaves out those that are down, names them, and is not content", async () => {
  const down = { ...FIRST_NODE, id: "second", name: "node-2", state: "down" } as const;
  cluster.nodeViews = [down, FIRST_NODE];
  const ran = await jobx("fs verify --repair --json");
  expect(ran.exit).toBe(1);
  expect(JSON.parse(ran.out)).toMatchObject({ blocks: 4, damaged: 2, silent: ["node-2"] });
  const text =
    "4 blocks read (3.9 KiB), 2 damaged, 2 repaired\nnode-2 is down: its blocks were not read\n";
  expect((await jobx("fs verify --repair")).out).toBe(text);
});

test("verify of a file names nodes that were not read, and blocks that nobody has, and is not content", async () => {
  cluster.files.add("/in", Buffer.from("content"));
  cluster.copies.gone = { missing: 0, lost: 1, silent: ["node-2"] };
  const ran = await jobx("fs verify text:/in --repair");
  expect(ran.exit).toBe(1);
  expect(ran.out).toContain("2 blocks that no node has any more\n");
  expect(ran.out).toContain("node-2 is down: its blocks were not read\n");
  expect(ran.out).not.toContain("that is away");
});
