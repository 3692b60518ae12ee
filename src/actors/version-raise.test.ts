import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
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
  const timers = new FakeTimers();
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
    ...{ timers, log: silentLog, directory },
    leads: () => node.leads,
    propose: (command) => {
      if (command.kind !== "raise") throw new Error(`proposes ${command.kind}`);
      proposed.push(command.version);
      if (node.fails === true) return Promise.reject(new Error("no majority"));
      setVersion(command.version);
      return Promise.resolve();
    },
  });
  return { raise, timers, proposed, setMax };
}

test("the version goes up when the last member supports the next one, step by step to the highest", async () => {
  const { raise, timers, proposed, setMax } = raiseOf({ leads: true }, { a: 3, b: 1 });
  raise.start();
  await timers.advance(3_000);
  expect(proposed).toEqual([]);
  setMax("b", 3);
  raise.look();
  expect(proposed).toEqual([2]);
  await timers.advance(3_000);
  expect(proposed).toEqual([2, 3]);
  raise.stop();
});

test("who does not lead raises nothing", async () => {
  const { raise, timers, proposed } = raiseOf({ leads: false }, { a: 2 });
  raise.start();
  await timers.advance(3_000);
  expect(proposed).toEqual([]);
  raise.stop();
});

test("a raise that failed is tried again, and one at a time", async () => {
  const node = { leads: true, fails: true };
  const { raise, timers, proposed } = raiseOf(node, { a: 2 });
  raise.start();
  raise.look();
  raise.look();
  expect(proposed).toEqual([2]);
  await timers.advance(1_500);
  expect(proposed).toEqual([2, 2]);
  node.fails = false;
  await timers.advance(3_000);
  expect(proposed).toEqual([2, 2, 2]);
  raise.stop();
});
