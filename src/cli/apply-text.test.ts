import { expect, test } from "vitest";
import type { ApplyReport } from "../api/ports.ts";
import { applyText } from "./apply-text.ts";

test("what is left to others is said not to be said, which is something else than none", () => {
  const report: ApplyReport = {
    workflow: "text",
    created: false,
    handlers: { added: [], updated: [], removed: [], unchanged: [], kept: [] },
    steps: { changed: ["words"], unchanged: [] },
    jobs: { changed: [], unchanged: [] },
    differences: [
      {
        entity: "step",
        name: "words",
        change: "changed",
        fields: {
          combine: { before: "sum_pairs", after: null },
          retries: { before: 3, after: null },
          timeoutMs: { before: null, after: 60_000 },
        },
      },
    ],
  };
  expect(applyText(report, true).split("\n").slice(0, 4)).toEqual([
    "~ step words",
    '    combine: "sum_pairs" -> none',
    "    retries: 3 -> not said",
    "    timeoutMs: not said -> 60000",
  ]);
});
