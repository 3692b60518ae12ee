import { expect, test } from "vitest";
import { JobxError } from "../std/errors.ts";
import { HANDLERS_MAX } from "./definition.ts";
import { checkHandlerNames, handlersAmong } from "./handler-names.ts";

function failure(run: () => unknown): JobxError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof JobxError ? error : undefined;
  }
}

test("folders and file name are joined by _, and the extension names the language", () => {
  expect(
    handlersAmong([
      ...["map/test/split.py", "sum.mjs", "a.js", "b.ts", "c.mts", "v1.count.py"],
      ...["tools/top.awk", "x.sh"],
    ]),
  ).toEqual([
    { name: "a", path: "a.js", language: "javascript" },
    { name: "b", path: "b.ts", language: "javascript" },
    { name: "c", path: "c.mts", language: "javascript" },
    { name: "map_test_split", path: "map/test/split.py", language: "python" },
    { name: "sum", path: "sum.mjs", language: "javascript" },
    { name: "tools_top", path: "tools/top.awk", language: "executable" },
    { name: "v1.count", path: "v1.count.py", language: "python" },
    { name: "x", path: "x.sh", language: "executable" },
  ]);
});

test.each([
  "_helper.py",
  "_lib/helper.js",
  "map/_helper.js",
  "map/__init__.py",
  "README",
  "a.b/README",
  "notes.txt",
  "split.pyc",
  "types.d.ts",
  "types.d.mts",
  ".hidden.js",
  ".git/hook.py",
  ".py",
])("%s is not a handler", (path) => {
  expect(handlersAmong([path])).toEqual([]);
});

test("two files with one name are refused with both paths", () => {
  const error = failure(() => handlersAmong(["map/a.js", "sub/x.py", "map_a.py"]));
  expect(error?.details).toEqual({
    code: "HANDLER_NAME_DUPLICATE",
    name: "map_a",
    files: ["map/a.js", "map_a.py"],
  });
});

test("a file whose name cannot be a name is refused with its path", () => {
  const error = failure(() => handlersAmong(["count-words.js"]));
  expect(error?.code).toBe("HANDLER_NAME_INVALID");
  expect(error?.message).toContain("count-words.js");
});

test("more handlers than the bound are refused", () => {
  const paths = Array.from({ length: HANDLERS_MAX + 1 }, (_, index) => `h${index}.js`);
  expect(handlersAmong(paths.slice(1))).toHaveLength(HANDLERS_MAX);
  expect(failure(() => handlersAmong(paths))?.code).toBe("HANDLER_TOO_MANY");
});

test("handlers from elsewhere are held to the same names", () => {
  const handler = { name: "a", path: "a.js", language: "javascript" } as const;
  expect(failure(() => checkHandlerNames([handler, { ...handler, path: "b.js" }]))?.code).toBe(
    "HANDLER_NAME_DUPLICATE",
  );
  expect(failure(() => checkHandlerNames([{ ...handler, name: "a/b" }]))?.code).toBe(
    "HANDLER_NAME_INVALID",
  );
});
