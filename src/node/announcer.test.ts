import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { memberNamed } from "../../test/lib/system-kit.ts";
import { Directory } from "../actors/directory.ts";
import type { CallAnswer } from "../actors/ports.ts";
import { VersionWatch } from "../actors/version-watch.ts";
import { systemKeys } from "../scheduler/system/keys.ts";
import { type Log, silentLog } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import { Announcer } from "./announcer.ts";

const MEMBER = { ...memberNamed("a"), versions: { min: 1, max: 2 } };

interface Leader {
  readonly leaderNode: string | undefined;
}

const UNLED: Leader = { leaderNode: undefined };

/**
 * A node whose announcements are answered by `answer`; `shows` is what its copy says of it. Without a leader
 * whoever was found answers.
 */
function announcerOf(
  answer: () => Promise<CallAnswer>,
  { leaderNode }: Leader = { leaderNode: "b" },
) {
  const timers = new FakeTimers();
  const directory = new Directory();
  let announced = 0;
  const refusals: string[] = [];
  const shows = (max: number): void => {
    const row = { ...MEMBER, kind: "member", state: "joined", versions: { min: 1, max } } as const;
    directory.take([{ key: systemKeys.member("a"), row }]);
  };
  const { log, warnings } = warningLog();
  const versions = new VersionWatch({
    ...{ clock: timers, log, directory, bugs: NO_BUGS, versions: MEMBER.versions },
    mesh: { self: "a", isUp: () => true, send: () => true },
    onUnsupported: ({ code }) => refusals.push(code),
  });
  const ask = (): Promise<CallAnswer> => {
    announced += 1;
    return answer();
  };
  const announcer = new Announcer({
    node: {
      directory,
      nextSequence: () => ({ node: "a", boot: 1, sequence: announced + 1 }),
      ...{ router: { ask }, caller: { ask }, versions },
      host: { replica: () => ({ leaderNode }) },
    },
    member: MEMBER,
    timers,
    log: silentLog,
    onUnsupported: ({ code }) => refusals.push(code),
  });
  return { announcer, timers, shows, refusals, versions, warnings, count: () => announced };
}

/** A log that keeps whom its warnings are about. */
function warningLog() {
  const warnings: unknown[] = [];
  const log: Log = { ...silentLog, warn: (_, fields) => warnings.push(fields?.["node"]) };
  return { log, warnings };
}

const ok = (): Promise<CallAnswer> => Promise.resolve({ kind: "answered", answer: { kind: "ok" } });

test("it announces until the copy here says so, and anew when the cluster knows something else", async () => {
  const { announcer, timers, shows, count } = announcerOf(ok);
  announcer.start();
  await timers.advance(1_000);
  expect(count()).toBeGreaterThan(1);
  shows(2);
  const known = count();
  await timers.advance(60_000);
  expect(count()).toBe(known);
  // The copy was behind: what an earlier run of this node said came after that.
  shows(1);
  await timers.advance(5_000);
  const again = count();
  expect(again).toBeGreaterThan(known);
  shows(2);
  await timers.advance(60_000);
  expect(count()).toBe(again);
  announcer.stop();
});

const refusal = (): Promise<CallAnswer> =>
  Promise.resolve({ kind: "answered", answer: { kind: "refused", code: REFUSED, message: "no" } });

const REFUSED = "CLUSTER_VERSION_UNSUPPORTED";

test("a refusal of its program by the leader is told once and ends it", async () => {
  const { announcer, timers, refusals, count } = announcerOf(refusal);
  announcer.start();
  await timers.advance(60_000);
  expect([refusals, count()]).toEqual([[REFUSED], 1]);
});

test("a refusal by who is not known to lead ends nothing: any member could say so", async () => {
  const { announcer, timers, refusals, count } = announcerOf(refusal, UNLED);
  announcer.start();
  await timers.advance(60_000);
  expect(refusals).toEqual([]);
  expect(count()).toBeGreaterThan(1);
  announcer.stop();
});

test("a peer's word about the version has the leader asked at once, who ends a program that does not fit", async () => {
  let answer = ok;
  const { announcer, timers, shows, versions, refusals, count } = announcerOf(() => answer());
  shows(2);
  announcer.start();
  await timers.advance(10_000);
  expect(count()).toBe(0);
  answer = refusal;
  versions.heard("c", 3);
  await timers.advance(1);
  expect([refusals, count()]).toEqual([[REFUSED], 1]);
});

test("a lie about the version costs one question in an hour, and its teller is named", async () => {
  const { announcer, timers, shows, versions, refusals, warnings, count } = announcerOf(ok);
  shows(2);
  announcer.start();
  for (let time = 0; time < 100; time++) {
    versions.heard("c", 99);
    versions.heard("c", 1);
    await timers.advance(1_000);
  }
  expect([refusals, warnings, count(), versions.doubts.size]).toEqual([[], ["c"], 1, 0]);
  await timers.advance(3_600_000);
  versions.heard("c", 99);
  await timers.advance(1_000);
  expect([warnings, count()]).toEqual([["c", "c"], 2]);
  announcer.stop();
});

test("a word that comes while the leader is asked is not refuted by its answer", async () => {
  const answers: ((answer: CallAnswer) => void)[] = [];
  const { announcer, timers, shows, versions, warnings } = announcerOf(
    () => new Promise((resolve) => answers.push(resolve)),
  );
  shows(2);
  announcer.start();
  versions.heard("c", 99);
  await timers.advance(1_000);
  versions.heard("d", 99);
  answers[0]?.({ kind: "answered", answer: { kind: "ok" } });
  await timers.advance(10);
  expect([warnings, [...versions.doubts.keys()]]).toEqual([["c"], ["d"]]);
  announcer.stop();
});

test("while whoever is found says that all is well, the doubt stays", async () => {
  const { announcer, timers, shows, versions, warnings } = announcerOf(ok, UNLED);
  shows(2);
  announcer.start();
  versions.heard("c", 99);
  await timers.advance(60_000);
  expect([warnings, versions.doubts.size]).toEqual([[], 1]);
  announcer.stop();
});
