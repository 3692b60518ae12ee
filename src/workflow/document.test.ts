import { expect, test } from "vitest";
import { parse } from "yaml";
import { runDataFile } from "../../test/lib/datadriven.ts";
import { JobxError } from "../std/errors.ts";
import { DESCRIPTION_LENGTH_MAX, STEPS_MAX } from "./definition.ts";
import { parseWorkflow } from "./document.ts";

runDataFile(new URL("document.data.txt", import.meta.url), {
  parse: ({ input }) => {
    try {
      return JSON.stringify(parseWorkflow(parse(input)), null, 1).replaceAll(/\n */g, " ");
    } catch (error) {
      if (!(error instanceof JobxError)) throw error;
      const suggestion = "suggestion" in error.details ? ` ${JSON.stringify(error.details)}` : "";
      return `${error.code}${suggestion}\n${error.message}`;
    }
  },
});

function codeOf(value: unknown): unknown {
  try {
    parseWorkflow(value);
    return "accepted";
  } catch (error) {
    return error instanceof JobxError ? error.code : "another error";
  }
}

test("a file may have as many steps as the bound says and no more", () => {
  const steps = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`s${index}`, { map: "m", reduce: "r" }]),
    );
  expect(codeOf({ workflow: "w", steps: steps(STEPS_MAX) })).toBe("accepted");
  expect(codeOf({ workflow: "w", steps: steps(STEPS_MAX + 1) })).toBe("WORKFLOW_TOO_LARGE");
});

test("a description and a name may be as long as their bounds and no longer", () => {
  const described = (length: number) => ({ workflow: "w", description: "d".repeat(length) });
  expect(codeOf(described(DESCRIPTION_LENGTH_MAX))).toBe("accepted");
  expect(codeOf(described(DESCRIPTION_LENGTH_MAX + 1))).toBe("WORKFLOW_INVALID");
  expect(codeOf({ workflow: "w".repeat(128) })).toBe("accepted");
  expect(codeOf({ workflow: "w".repeat(129) })).toBe("WORKFLOW_NAME_INVALID");
});

test("a name with a line break at its end is refused", () => {
  expect(codeOf({ workflow: "w\n" })).toBe("WORKFLOW_NAME_INVALID");
});
