import { expect, test } from "vitest";
import { called, cluster, jobx } from "../../test/lib/cli-kit.ts";

test("an attribute is set as text or base64, listed, written out as it is and taken away", async () => {
  await jobx("fs put - text:/f", { input: "x" });
  expect((await jobx(["fs", "xattr", "set", "text:/f", "user.a", "some text"])).out).toBe(
    "text:/f has user.a\n",
  );
  await jobx("fs xattr set text:/f user.b AP8= --base64");
  expect(called("files.setAttribute")).toMatchObject({
    name: "user.b",
    value: "AP8=",
    over: "any",
  });
  expect((await jobx("fs xattr list text:/f")).out).toBe("user.a\nuser.b\n");
  expect((await jobx("fs xattr get text:/f user.a")).out).toBe("some text");
  expect((await jobx("fs xattr get text:/f user.b --json")).out).toContain('"value": "AP8="');
  expect((await jobx("fs xattr set text:/f user.a other -n")).err).toContain("FS_EXISTS");
  expect((await jobx("fs xattr rm text:/f user.a")).out).toBe("text:/f has no user.a any more\n");
  expect((await jobx("fs xattr rm text:/f user.a")).err).toContain("FS_ATTRIBUTE_UNKNOWN");
  expect((await jobx("fs xattr get text:/f user.a")).err).toContain("CLI_ATTRIBUTE_UNKNOWN");
});

test("a value that is no base64, and a snapshot that is to be changed, are refused here", async () => {
  const before = cluster.calls.length;
  for (const words of [
    "fs xattr set text:/f user.a A --base64",
    "fs xattr set text@s:/f user.a A",
    "fs xattr rm text@s:/f user.a",
    "fs xattr set text:/f user.a",
  ]) {
    expect([words, (await jobx(words)).exit]).toEqual([words, 2]);
  }
  expect(cluster.calls.length).toBe(before);
});
