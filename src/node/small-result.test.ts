import { expect, test } from "vitest";
import { RESULT_BYTES_MAX } from "../api/limits.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import { smallResult } from "./small-result.ts";

function run(bytes: number): Dataset {
  return [{ kind: "run", cid: "c".repeat(64), bytes, count: 1, order: "key", holders: ["a"] }];
}

/** Reads `pages`, and notes what it was asked for. */
function reader(pages: readonly string[]) {
  const seen = { ensured: 0, pages: 0, closed: false };
  return {
    seen,
    ensure: (dataset: Dataset) => {
      seen.ensured += 1;
      return Promise.resolve(dataset);
    },
    async *read() {
      try {
        for (const page of pages) {
          seen.pages += 1;
          yield Buffer.from(page);
        }
      } finally {
        seen.closed = true;
      }
    },
  };
}

test("a small result is all its pairs, in order", async () => {
  const from = reader(['["a",1]\n["b,\\n",[2]]\n', '["c",null]\n']);
  expect(await smallResult({ request: "r", dataset: run(RESULT_BYTES_MAX) }, from)).toEqual([
    ["a", 1],
    ["b,\n", [2]],
    ["c", null],
  ]);
});

test("one that is too large in the store is neither brought here nor read", async () => {
  const from = reader(['["a",1]\n']);
  const half = RESULT_BYTES_MAX / 2;
  const dataset = [...run(half), ...run(half + 1)];
  await expect(smallResult({ request: "w-1-2", dataset }, from)).rejects.toMatchObject({
    code: "RESULT_TOO_LARGE",
    details: { bytesMax: RESULT_BYTES_MAX, path: "/v1/requests/w-1-2/result" },
  });
  await expect(smallResult({ request: "w-1-2", dataset }, from)).rejects.toThrow(
    "jobx request result w-1-2",
  );
  expect(from.seen).toEqual({ ensured: 0, pages: 0, closed: false });
});

test("one that is too large as text is read no further", async () => {
  const page = `${JSON.stringify(["k", "x".repeat(RESULT_BYTES_MAX / 2)])}\n`;
  const from = reader([page, page, page, page]);
  await expect(smallResult({ request: "r", dataset: run(8) }, from)).rejects.toMatchObject({
    code: "RESULT_TOO_LARGE",
  });
  expect(from.seen).toEqual({ ensured: 1, pages: 2, closed: true });
});
