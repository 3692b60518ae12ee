import { expect, test } from "vitest";
import { outcomeOfFault } from "./perform-unit.ts";

test("a unit is given back only for what another node may not have: what lasts fails it", () => {
  const kindOf = (code: string) => outcomeOfFault({ code, message: "", details: {} }).kind;
  const codes = ["OBJECT_NO_ROOM", "FS_STOPPED", "OBJECT_NO_PROGRAM", "OBJECT_DAMAGED"];
  expect(codes.map(kindOf)).toEqual(["released", "released", "failed", "failed"]);
});
