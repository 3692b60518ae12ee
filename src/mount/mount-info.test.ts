import { expect, test } from "vitest";
import { mountedAt, mountInfo, parseMountInfo } from "./mount-info.ts";

const TABLE = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
97 22 0:39 / /tmp/with\\040space rw,nosuid - fuse jobx rw,user_id=0
98 97 0:41 / /tmp/with\\040space rw master:1 propagate_from:2 - fuse jobx rw
99 22 0:42 /sub /tmp/no-end rw
broken`;

test("mounts are read with their minor numbers, whatever optional fields they have", () => {
  expect(parseMountInfo(TABLE)).toEqual([
    { directory: "/", minor: 0, type: "ext4", source: "/dev/vda" },
    { directory: "/tmp/with space", minor: 39, type: "fuse", source: "jobx" },
    { directory: "/tmp/with space", minor: 41, type: "fuse", source: "jobx" },
  ]);
});

test("of mounts over each other the one on top counts", () => {
  expect(mountedAt("/tmp/with space", parseMountInfo(TABLE))?.minor).toBe(41);
  expect(mountedAt("/tmp", parseMountInfo(TABLE))).toBeUndefined();
});

test.skipIf(process.platform !== "linux")("this machine's own table has its root", () => {
  expect(mountedAt("/", mountInfo())?.directory).toBe("/");
});
