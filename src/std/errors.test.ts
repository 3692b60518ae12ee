import { expect, test } from "vitest";
import { JobxError, plainDetails } from "./errors.ts";

test("what is told of an error are its plain details: no code, nothing nested, nothing long", () => {
  const details = {
    ...{ code: "ODD", needed: 2, why: "so", isLast: false },
    ...{ leader: undefined, list: [1], part: 0.5, long: "x".repeat(1025), ["n".repeat(1025)]: 1 },
  };
  expect(plainDetails(new JobxError(details, "odd"))).toEqual({
    ...{ needed: 2, why: "so", isLast: false },
  });
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`n${at}`, at]));
  expect(Object.keys(plainDetails(new JobxError({ code: "ODD", ...many }, "odd")))).toHaveLength(
    16,
  );
});
