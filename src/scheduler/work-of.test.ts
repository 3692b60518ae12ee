/** Whose pairs a container is told that it is given: its own step's, or anybody else's. */
import { expect, test } from "vitest";
import { type Granted, SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { childData, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";

function isFromOwnStep({ work }: Granted): boolean {
  if (work?.kind !== "map") throw new Error("a map unit");
  return work.fromOwnStep === true;
}

const BOX = { name: "box", language: "container" } as const;

test("what is submitted to a container's step is not its own, what it maps to itself is", () => {
  const kit = SchedulerKit.withSteps([BOX]);
  kit.submit();
  expect(isFromOwnStep(kit.next(mapped("box", 2)))).toBe(false);
  expect(isFromOwnStep(kit.next(reduced(textData("a"))))).toBe(true);
  expect(isFromOwnStep(kit.next(reduced(textData("b"))))).toBe(true);
});

test("what another step maps to a container's is not its own", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, BOX]);
  kit.submit();
  kit.next(mapped("box", 1));
  expect(isFromOwnStep(kit.next(mapped("box", 1)))).toBe(false);
  expect(isFromOwnStep(kit.next(reduced(textData("a"))))).toBe(true);
});

test("what is listed for a container's step is not its own, while and after the list is open", () => {
  const kit = SchedulerKit.withSteps([BOX]);
  const objects = { form: "path", compression: "auto", ahead: 3, unavailable: "fail" } as const;
  const command = { job: "job", arguments: textData("sources"), keep: undefined, objects };
  kit.run({ kind: "submit-objects", ...command });
  const listed = { kind: "listed", children: childData(1), cursor: "c", warnings: [] } as const;
  kit.next({ ...listed, closed: false });
  const lister = kit.grant();
  expect(isFromOwnStep(kit.next(mapped("box", 1)))).toBe(false);
  kit.end(lister.token, { ...listed, closed: true });
  const second = kit.grant();
  expect(isFromOwnStep(second)).toBe(true);
  kit.end(second.token, reduced(textData("a")));
  kit.next(reduced(textData("b")));
  expect(isFromOwnStep(kit.next(mapped("box", 1)))).toBe(false);
});

test("handlers of other languages are not told", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  kit.submit();
  kit.next(mapped("top", 1));
  expect(isFromOwnStep(kit.next(reduced(textData("a"))))).toBe(false);
});
