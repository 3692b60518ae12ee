import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { DiskRoom, LOW_BYTES } from "./disk-room.ts";

test("little room is said within seconds, and not any more when there is enough, or nobody can tell", async () => {
  const timers = new FakeTimers();
  let free: number | Error = LOW_BYTES;
  const room = new DiskRoom({
    timers,
    freeBytes: () => (free instanceof Error ? Promise.reject(free) : Promise.resolve(free)),
  });
  room.start();
  await timers.advance(5_000);
  expect(room.warnings()).toEqual([]);
  free = 3.7 * 1024 * 1024;
  await timers.advance(5_000);
  expect(room.warnings()).toMatchObject([{ code: "disk-full" }]);
  expect(room.warnings()[0]?.message).toContain("only 3 MiB are free");
  free = new Error("the disk is gone");
  await timers.advance(5_000);
  expect(room.warnings()).toEqual([]);
  free = 0;
  await timers.advance(5_000);
  expect(room.warnings()).toHaveLength(1);
  free = 2 * LOW_BYTES;
  await timers.advance(5_000);
  expect(room.warnings()).toEqual([]);
  room.stop();
  free = 0;
  await timers.advance(5_000);
  expect(room.warnings()).toEqual([]);
});
