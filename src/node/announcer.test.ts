import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { memberNamed } from "../../test/lib/system-kit.ts";
import { Directory } from "../actors/directory.ts";
import type { CallAnswer } from "../actors/ports.ts";
import { systemKeys } from "../scheduler/system/keys.ts";
import { silentLog } from "../std/log.ts";
import { Announcer } from "./announcer.ts";

const MEMBER = { ...memberNamed("a"), versions: { min: 1, max: 2 } };

/** A node whose announcements are answered by `answer`; `shows` is what its copy says of it. */
function announcerOf(answer: () => Promise<CallAnswer>) {
  const timers = new FakeTimers();
  const directory = new Directory();
  let announced = 0;
  const refusals: string[] = [];
  const shows = (max: number): void => {
    const row = { ...MEMBER, kind: "member", state: "joined", versions: { min: 1, max } } as const;
    directory.take([{ key: systemKeys.member("a"), row }]);
  };
  const announcer = new Announcer({
    node: {
      directory,
      nextSequence: () => ({ node: "a", boot: 1, sequence: announced + 1 }),
      router: {
        ask: () => {
          announced += 1;
          return answer();
        },
      },
    },
    member: MEMBER,
    timers,
    log: silentLog,
    onUnsupported: ({ code }) => refusals.push(code),
  });
  return { announcer, timers, shows, refusals, count: () => announced };
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

test("a refusal of its program is told once and ends it", async () => {
  const code = "CLUSTER_VERSION_UNSUPPORTED";
  const { announcer, timers, refusals, count } = announcerOf(() =>
    Promise.resolve({ kind: "answered", answer: { kind: "refused", code, message: "no" } }),
  );
  announcer.start();
  await timers.advance(60_000);
  expect([refusals, count()]).toEqual([[code], 1]);
});
