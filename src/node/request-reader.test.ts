import { describe, expect, test } from "vitest";
import { keys, prefixes } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import { requestId } from "../scheduler/unit.ts";
import { Deadline } from "../std/deadline.ts";
import { prefixEnd } from "../std/ordered-text.ts";
import { RequestReader } from "./request-reader.ts";

const TEXT = { name: "text", group: 7 };
const NEWEST = {
  ...{ limit: 10, before: undefined, states: undefined, job: undefined },
  ...{ sinceMs: undefined, untilMs: undefined },
};
const nobody = (): Promise<never> => Promise.reject(new Error("nothing is unknown here"));

/** A reader that finds no rows, and where it looked. */
function readerOfNothing() {
  const below: (string | undefined)[] = [];
  const node = {
    directory: { member: () => undefined },
    read: (_group: number, what: { readonly scan?: { readonly lt: string } | undefined }) => {
      below.push(what.scan?.lt);
      const values: readonly (Row | undefined)[] = [];
      const rows = { kind: "rows", values, scanned: [], more: false } as const;
      return Promise.resolve({ ...rows, term: 1, appliedIndex: 1 });
    },
  };
  const reader = new RequestReader(node, { workflow: nobody, workflowNamed: nobody });
  const list = (before: string | undefined) =>
    reader.list(TEXT, { ...NEWEST, before }, new Deadline({ nowMs: () => 0 }, 1000));
  return { list, below };
}

describe("a page of requests", () => {
  test("begins below the request that is named, or at the newest", async () => {
    const { list, below } = readerOfNothing();
    await list(requestId("text", 7, 12));
    await list(undefined);
    expect(below).toEqual([keys.request(12), prefixEnd(prefixes.requests)]);
  });

  test.each([["garbage"], [requestId("text", 8, 12)], [requestId("other", 7, 12)], ["text:name"]])(
    "below %s is refused, since it is no request of the workflow",
    async (before) => {
      const { list, below } = readerOfNothing();
      await expect(list(before)).rejects.toMatchObject({
        code: "API_INPUT_INVALID",
        details: { path: "querystring.before" },
      });
      expect(below).toEqual([]);
    },
  );
});
