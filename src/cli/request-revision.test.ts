import { beforeEach, expect, test } from "vitest";
import { applied, called, cluster, jobx } from "../../test/lib/cli-kit.ts";

beforeEach(async () => {
  await applied();
  await jobx("submit text wordcount");
});

test("a request is shown with its revision, and cancelled or deleted only at that one", async () => {
  expect((await jobx("request show r1")).out).toContain("revision   100\n");
  const late = await jobx("request cancel r1 --revision 99");
  expect([late.exit, late.err]).toEqual([4, expect.stringContaining("REVISION_CHANGED")]);
  expect((await jobx("request cancel r1 --revision 100")).out).toBe("r1 is cancelled\n");
  expect(called("cancel")).toEqual({ id: "r1", revision: 100 });
  expect((await jobx("request delete r1 --revision 100")).exit).toBe(4);
  expect((await jobx("request delete r1 --revision 101")).out).toBe("r1 is deleted\n");
});

test("a paused request is resumed at its revision, and a revision that is none is not sent", async () => {
  cluster.change("r1", { state: "paused" });
  expect((await jobx("request resume r1 --revision newest")).exit).toBe(2);
  expect(called("resume")).toBeUndefined();
  expect((await jobx("request resume r1 --revision 101")).out).toBe("r1 is running\n");
});
