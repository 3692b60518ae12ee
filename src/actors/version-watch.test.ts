import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { memberNamed } from "../../test/lib/system-kit.ts";
import { CLUSTER_KEY, systemKeys } from "../scheduler/system/keys.ts";
import type { VersionRange } from "../scheduler/system/version-range.ts";
import type { JobxError } from "../std/errors.ts";
import { silentLog } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import { Directory } from "./directory.ts";
import type { PeerMessage } from "./ports.ts";
import { VersionWatch } from "./version-watch.ts";

/** The watch of node `a`, beside `b`, which is up, and `c`, which is not. */
function watchOf(versions: VersionRange) {
  const directory = new Directory();
  const errors: JobxError[] = [];
  const sent: [string, PeerMessage][] = [];
  const watch = new VersionWatch({
    ...{ versions, clock: new FakeTimers(), log: silentLog, directory, bugs: NO_BUGS },
    mesh: {
      self: "a",
      isUp: (node) => node !== "c",
      send: (to, message) => {
        sent.push([to, message]);
        return true;
      },
    },
    onUnsupported: (error) => errors.push(error),
  });
  for (const node of ["a", "b", "c"]) {
    const row = { ...memberNamed(node), kind: "member", state: "joined" } as const;
    directory.take([{ key: systemKeys.member(node), row }]);
  }
  const apply = (version: number): void => {
    const row = { kind: "cluster", id: "x", nextGroup: 1, version } as const;
    directory.take([{ key: CLUSTER_KEY, row }]);
    watch.directoryChanged();
  };
  return { watch, apply, errors, sent };
}

const word = (version: number): PeerMessage => ({ kind: "cluster-version", version });

test("a version that was applied is told to those that are up, once", () => {
  const { watch, apply, sent, errors } = watchOf({ min: 1, max: 2 });
  watch.tell("b");
  expect(sent).toEqual([]);
  for (const version of [1, 1, 2]) apply(version);
  expect(sent).toEqual([
    ["b", word(1)],
    ["b", word(2)],
  ]);
  watch.tell("b");
  expect(sent.at(-1)).toEqual(["b", word(2)]);
  expect([watch.version, errors]).toEqual([2, []]);
});

test("a version that the program does not support ends it, once, and nobody is told of it", () => {
  const { watch, apply, sent, errors } = watchOf({ min: 1, max: 1 });
  apply(2);
  apply(3);
  expect(errors.map(({ details }) => details)).toEqual([
    { code: "CLUSTER_VERSION_UNSUPPORTED", version: 2, min: 1, max: 1 },
  ]);
  expect(watch.error).toBe(errors[0]);
  expect(sent).toEqual([]);
  expect(() => watch.check()).toThrow("upgrade this node");
});

test("a peer's word only raises a doubt, once for each peer, and ends nothing", () => {
  const { watch, apply, errors, sent } = watchOf({ min: 1, max: 1 });
  let raised = 0;
  watch.listen(() => {
    raised += 1;
  });
  watch.heard("b", 1);
  apply(1);
  expect([raised, watch.doubts.size]).toEqual([0, 0]);
  watch.heard("b", 2);
  watch.heard("b", 99);
  watch.heard("b", 1);
  watch.heard("c", 2);
  expect([raised, [...watch.doubts]]).toEqual([
    2,
    [
      ["b", 99],
      ["c", 2],
    ],
  ]);
  watch.check();
  expect([errors, watch.error]).toEqual([[], undefined]);
  // It goes on as if nothing had been said.
  watch.tell("b");
  expect(sent.at(-1)).toEqual(["b", word(1)]);
  apply(2);
  expect(errors).toHaveLength(1);
});

test("a program that is too new may only be behind, and so may its peers: neither ends it", () => {
  const { watch, apply, errors } = watchOf({ min: 2, max: 3 });
  watch.heard("b", 1);
  apply(1);
  watch.check();
  apply(2);
  watch.heard("b", 1);
  expect(errors).toEqual([]);
});
