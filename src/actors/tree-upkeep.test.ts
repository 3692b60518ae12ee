import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { failed, sketchDefinition } from "../../test/lib/scheduler-values.ts";
import { at, block, file, TreeKit } from "../../test/lib/tree-kit.ts";
import type { Command } from "../scheduler/commands.ts";
import type { Row } from "../scheduler/rows.ts";
import { attemptPath } from "../scheduler/tree/attempts-folder.ts";
import { FS_LAPSE_MAX, FS_SWEEP_NAMES_MAX } from "../scheduler/tree/commands.ts";
import { treePrefixes } from "../scheduler/tree/keys.ts";
import { PART_BLOCKS_MAX } from "../scheduler/tree/rows.ts";
import { HASH64_ZERO } from "../std/hash64.ts";
import { silentLog } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import type { StatePort } from "./ports.ts";
import { RetentionKeeper } from "./retention.ts";

/** A keeper above a tree in memory, and where its scans begin. */
function keeper() {
  const timers = new FakeTimers();
  const kit = new TreeKit();
  const proposed: Command[] = [];
  const begins: string[] = [];
  const state: StatePort<Row> = {
    appliedIndex: 0,
    hash: () => Promise.resolve(HASH64_ZERO),
    membership: undefined,
    peek: (key) => kit.rows.get(key),
    read: (wanted) => Promise.resolve(wanted.map((key) => kit.rows.get(key))),
    scan: ({ gte, lt, limit }) => {
      begins.push(gte);
      const within = [...kit.rows].filter(([key]) => key >= gte && key < lt);
      const all = within.sort(([a], [b]) => (a < b ? -1 : 1));
      return Promise.resolve({ rows: all.slice(0, limit), more: all.length > limit });
    },
    write: () => Promise.reject(new Error("only the applier writes")),
  };
  const retention = new RetentionKeeper({
    timers,
    wall: timers,
    log: silentLog,
    state: () => state,
    propose: (command) => {
      proposed.push(command);
      kit.stampMs = timers.wallMs();
      return Promise.resolve(kit.run(command));
    },
    policy: { ageMs: 1e12, bytes: 1e12 },
    bugs: NO_BUGS,
  });
  kit.stampMs = timers.wallMs();
  return { timers, kit, proposed, retention, begins };
}

const many = (folder: string, count: number) =>
  Array.from({ length: count }, (_, index) => file(`${folder}/${index}`, index % 7));

test("a removed tree and a removed large file are gone soon, in steps, and nothing else is", async () => {
  const { timers, kit, proposed, retention } = keeper();
  kit.pin("u1", 3_600_000);
  for (const folder of ["t", "t/a", "t/a/b"])
    for (let count = 0; count < 3; count += 1)
      kit.commit(many(`${folder}/${count}`, FS_SWEEP_NAMES_MAX), { parents: true });
  kit.commit([file("keep", 1)]);
  for (const part of [0, 1]) {
    const blocks = Array.from({ length: PART_BLOCKS_MAX }, (_, index) => block(index));
    kit.run({ kind: "fs-stage", upload: "u1", content: part, part, blocks });
  }
  kit.commit([{ ...file("large"), content: { kind: "listed", content: 1 } }]);
  retention.start();
  await timers.advance(1000);
  expect(proposed).toEqual([]);
  kit.run({ kind: "fs-remove", place: at("t") });
  kit.unlink("large");
  retention.hurry();
  await timers.advance(5_000);
  expect(proposed.length).toBeGreaterThan(12);
  expect(kit.scan("Fx/")).toEqual([]);
  expect(kit.use()).toEqual({ usedBytes: 2, usedInodes: 1, pins: 1 });
  kit.checkCounts();
  retention.stop();
  expect(timers.count).toBe(0);
});

test("what a leader has left half swept the next one sweeps", async () => {
  const { timers, kit, retention } = keeper();
  kit.pin("u1", 3_600_000);
  kit.commit(many("t", 5), { parents: true });
  const { inode } = kit.find("t");
  kit.run({ kind: "fs-remove", place: at("t") });
  kit.run({ kind: "fs-sweep", directory: inode, names: ["0", "4"] });
  retention.start();
  await timers.advance(1000);
  expect(kit.use()).toEqual({ usedBytes: 0, usedInodes: 0, pins: 1 });
  retention.stop();
});

test("removals that follow each other faster than a step do not put the sweep off", async () => {
  const { timers, kit, retention } = keeper();
  kit.pin("u1", 3_600_000);
  retention.start();
  await timers.advance(1000);
  let most = 0;
  for (let count = 0; count < 40; count += 1) {
    kit.commit(many("t", 3), { parents: true });
    kit.run({ kind: "fs-remove", place: at("t") });
    retention.hurry();
    await timers.advance(10);
    most = Math.max(most, kit.scan("Fx/").length);
  }
  expect(most).toBeLessThan(25);
  await timers.advance(1000);
  expect(kit.scan("Fx/")).toEqual([]);
  retention.stop();
});

test("pins that were not renewed lapse, more than one command's in several, and the others stay", async () => {
  const { timers, kit, proposed, retention } = keeper();
  for (let count = 0; count < FS_LAPSE_MAX + 3; count += 1) kit.pin(`short-${count}`, 30_000);
  kit.pin("long", 600_000);
  retention.start();
  await timers.advance(29_000);
  expect(kit.use().pins).toBe(FS_LAPSE_MAX + 4);
  await timers.advance(20_000);
  expect(kit.use().pins).toBe(1);
  expect(proposed.map(({ kind }) => kind)).toEqual(["fs-lapse", "fs-lapse"]);
  retention.stop();
});

test("what a node put aside before it died is removed when its pin lapses, or by the next leader", async () => {
  const { timers, kit, proposed, retention } = keeper();
  const id = (digit: string) => `${digit.repeat(8)}-1111-4111-8111-111111111111`;
  const [lives, dies, leftBefore] = [id("a"), id("b"), id("c")];
  kit.pin(lives, 600_000);
  kit.pin(dies, 30_000);
  const paths = [lives, dies, leftBefore, "by-hand"].map((upload) => `.uploads/${upload}/a`);
  kit.commit(
    paths.map((path) => file(path, 1)),
    { parents: true, upload: lives },
  );
  const left = () => paths.filter((path) => kit.paths().has(path));
  retention.start();
  await timers.advance(1000);
  expect(left()).toEqual([paths[0], paths[1], paths[3]]);
  await timers.advance(60_000);
  expect(left()).toEqual([paths[0], paths[3]]);
  expect(kit.scan("Fx/")).toEqual([]);
  const { length } = proposed;
  await timers.advance(60_000);
  expect(proposed.length).toBe(length);
  retention.stop();
});

test("what an attempt writes stays while it lives, and what comes after its end is removed", async () => {
  const { timers, kit, retention } = keeper();
  const { sources, define } = sketchDefinition([{ name: "top" }]);
  for (const command of [...sources, { ...define, revision: 0 }]) kit.run(command);
  kit.submit();
  kit.pin("u1", 3_600_000);
  const { token } = kit.grant();
  const other = { index: token.index, ordinal: token.ordinal + 1 };
  const paths = [token, other].map((one) => `${attemptPath(one)}/w/a`);
  const byHand = ".attempts/notes/a";
  const commit = () =>
    kit.commit(
      [...paths, byHand].map((path) => file(path, 1)),
      { parents: true },
    );
  const left = () => [...paths, byHand].filter((path) => kit.paths().has(path));
  commit();
  retention.start();
  await timers.advance(60_000);
  expect(left()).toEqual([paths[0], byHand]);
  kit.end(token, failed());
  expect(left()).toEqual([byHand]);
  commit();
  await timers.advance(60_000);
  expect(left()).toEqual([byHand]);
  kit.checkCounts();
  retention.stop();
});

test("a sweep of a large folder begins each scan where the last one ended", async () => {
  const { timers, kit, retention, begins } = keeper();
  kit.pin("u1", 3_600_000);
  for (let from = 0; from < 4 * FS_SWEEP_NAMES_MAX; from += FS_SWEEP_NAMES_MAX) {
    const numbers = Array.from({ length: FS_SWEEP_NAMES_MAX }, (_, index) => from + index);
    kit.commit(
      numbers.map((number) => file(`t/${number}`, 1)),
      { parents: true },
    );
  }
  const first = treePrefixes.entriesOf(kit.find("t").inode);
  kit.run({ kind: "fs-remove", place: at("t") });
  retention.start();
  await timers.advance(2000);
  expect(kit.use().usedInodes).toBe(0);
  const scans = begins.filter((begin) => begin.startsWith(first));
  expect(scans.filter((begin) => begin === first)).toEqual([first]);
  expect(scans).toEqual([...new Set(scans)].toSorted());
  expect(scans.length).toBe(4);
  retention.stop();
});

test("a snapshot whose maker has gone is removed with its pin, and one that is made stays", async () => {
  const { timers, kit, retention } = keeper();
  kit.pin("u1", 60_000);
  kit.pin("u2", 600_000);
  const snapshot = (name: string, upload: string) =>
    kit.run({ kind: "fs-snapshot", upload, name, path: "/" });
  for (const name of ["left", "made"]) snapshot(name, "u1");
  snapshot("making", "u2");
  const counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  kit.run({ kind: "fs-snapshot-end", upload: "u1", name: "made", root: "bafy", counts });
  retention.start();
  await timers.advance(120_000);
  expect(kit.scan(treePrefixes.snapshots).map(([key]) => key)).toEqual(["Fs/made", "Fs/making"]);
  expect(kit.scan(treePrefixes.swept)).toEqual([]);
  kit.checkCounts();
  retention.stop();
});

test("versions that are too old or too many by now go page by page, and others stay", async () => {
  const { timers, kit, proposed, retention } = keeper();
  kit.run({ kind: "fs-retention", versions: 5, versionsMs: 600_000 });
  kit.pin("u1", 3_600_000);
  for (let count = 0; count < 3; count += 1) {
    const files = Array.from({ length: 250 }, (_, at) => file(`d${at % 2}/${at}`, count));
    kit.commit(files, { parents: true });
  }
  const histories = () => kit.scan(treePrefixes.histories);
  const versions = () =>
    histories().flatMap(([, row]) => (row.kind === "fs-history" ? row.versions : []));
  expect([histories().length, versions().length]).toEqual([250, 500]);
  retention.start();
  await timers.advance(120_000);
  expect(versions().length).toBe(500);
  expect(proposed).toEqual([]);
  kit.run({ kind: "fs-retention", versions: 1, versionsMs: 600_000 });
  await timers.advance(120_000);
  expect([histories().length, versions().length]).toEqual([250, 250]);
  await timers.advance(600_000);
  expect(histories()).toEqual([]);
  expect(kit.use().usedInodes).toBe(252);
  kit.checkCounts();
  retention.stop();
});
