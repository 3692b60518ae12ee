import { expect, test } from "vitest";
import { memberNamed } from "../../test/lib/system-kit.ts";
import { CLUSTER_KEY, systemKeys } from "../scheduler/system/keys.ts";
import { silentLog } from "../std/log.ts";
import { Directory } from "./directory.ts";
import { VersionRaise } from "./version-raise.ts";

/** One node's part in a cluster of version 1, with nodes whose programs go up to `maxima`. */
function raiseOf(
  node: { leads: boolean; fails?: boolean },
  maxima: Readonly<Record<string, number>>,
) {
  const directory = new Directory();
  const proposed: number[] = [];
  const setVersion = (version: number): void => {
    const row = { kind: "cluster", id: "x", nextGroup: 1, version } as const;
    directory.take([{ key: CLUSTER_KEY, row }]);
  };
  const setMax = (name: string, max: number): void => {
    const row = { ...memberNamed(name), kind: "member", state: "joined" } as const;
    directory.take([{ key: systemKeys.member(name), row: { ...row, versions: { min: 1, max } } }]);
  };
  setVersion(1);
  for (const [name, max] of Object.entries(maxima)) setMax(name, max);
  const raise = new VersionRaise({
    ...{ log: silentLog, directory },
    leads: () => node.leads,
    propose: (command) => {
      if (command.kind !== "raise") throw new Error(`proposes ${command.kind}`);
      proposed.push(command.version);
      if (node.fails === true) return Promise.reject(new Error("no majority"));
      setVersion(command.version);
      return Promise.resolve();
    },
  });
  const look = (): Promise<void> => {
    raise.look();
    return new Promise((settled) => setImmediate(settled));
  };
  return { look, proposed, setMax };
}

test("the version goes up when the last member supports the next one, step by step to the highest", async () => {
  const { look, proposed, setMax } = raiseOf({ leads: true }, { a: 3, b: 1 });
  await look();
  expect(proposed).toEqual([]);
  setMax("b", 3);
  await look();
  expect(proposed).toEqual([2]);
  await look();
  expect(proposed).toEqual([2, 3]);
});

test("who does not lead raises nothing", async () => {
  const { look, proposed } = raiseOf({ leads: false }, { a: 2 });
  await look();
  expect(proposed).toEqual([]);
});

test("a raise that failed is tried again, and one at a time", async () => {
  const node = { leads: true, fails: true };
  const { look, proposed } = raiseOf(node, { a: 2 });
  await Promise.all([look(), look()]);
  expect(proposed).toEqual([2]);
  await look();
  expect(proposed).toEqual([2, 2]);
  node.fails = false;
  await look();
  expect(proposed).toEqual([2, 2, 2]);
});
