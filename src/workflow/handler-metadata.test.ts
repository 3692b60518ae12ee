import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findHandlerComment } from "./handler-comment.ts";
import {
  HandlerMetadataError,
  METADATA_LENGTH_MAX,
  type ParsedText,
  readHandlerMetadata,
  type TextParser,
} from "./handler-metadata.ts";

/** Enough of a parser: the flow style of YAML that these tests use, as JSON with bare keys. */
const parseYaml: TextParser = (text): ParsedText => {
  const json = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.replace(/^(\w+): (.*)$/, '"$1": $2'))
    .join(",");
  try {
    const value: unknown = JSON.parse(
      `{${json.replace(/([{ ])(\w+):/g, '$1"$2":').replace(/: ([a-zA-Z_][\w.]*)/g, ': "$1"')}}`.replace(
        /"null"/g,
        "null",
      ),
    );
    return { kind: "value", value };
  } catch (thrown) {
    return { kind: "malformed", line: 2, reason: String(thrown) };
  }
};

const read = (source: string, language: "javascript" | "python" = "javascript") =>
  readHandlerMetadata(source, { file: "words.js", language, parseYaml });

const MAPPER = `#!/usr/bin/env node
// Before it.
const opening = "/* not this one */";
/** Splits a folder
 *  into documents.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: GPU
 * retries: 3
 * timeout: 1.5
 */
export function map() {}
`;

const REDUCER = `# A comment.

"""Adds up.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: null }]
required_capability: none
timeout: "90s"
memory: "64 MiB"
"""
def reduce(results, ctx):
    pass
`;

/** Metadata of a mapper with some keys replaced; `undefined` removes one. */
function sourceWith(changes: Readonly<Record<string, unknown>>): string {
  const fields = {
    handler_type: "mapper",
    argument_spec: [{ name: "arguments", type: "list" }],
    required_capability: "none",
    ...changes,
  };
  const lines = JSON.stringify(fields, undefined, 1).split("\n");
  return `/**\n ** json\n${lines.map((line) => ` * ${line}`).join("\n")}\n */\n`;
}

function refusal(source: string, language?: "javascript" | "python"): string {
  try {
    read(source, language);
  } catch (thrown) {
    if (thrown instanceof HandlerMetadataError) {
      const { code, file, line, reason } = thrown.details;
      return `${code} ${file}:${line} ${reason}`;
    }
  }
  return "accepted";
}

describe("readHandlerMetadata()", () => {
  test("reads the first block comment of a JavaScript file, after strings and line comments", () => {
    expect(read(MAPPER)).toEqual({
      type: "mapper",
      argumentType: "list",
      requiredCapability: "gpu",
      retries: 3,
      timeoutMs: 1500,
      memoryBytes: undefined,
      description: "Splits a folder\n into documents.",
    });
  });

  test("null is the type of an iterator in quotes, too", () => {
    const argument = { name: "arguments", type: "null" };
    const value = {
      handler_type: "mapper",
      argument_spec: [argument],
      required_capability: "none",
    };
    const options = { file: "words.js", language: "javascript" } as const;
    const parse: TextParser = () => ({ kind: "value", value });
    expect(readHandlerMetadata(MAPPER, { ...options, parseYaml: parse }).argumentType).toBe(null);
    argument.type = "NULL";
    expect(() => readHandlerMetadata(MAPPER, { ...options, parseYaml: parse })).toThrow(
      "one of list, dict",
    );
  });

  test("reads the docstring of a Python file, and null as the type of an iterator", () => {
    expect(read(REDUCER, "python")).toMatchObject({
      type: "reducer",
      argumentType: null,
      timeoutMs: 90_000,
      memoryBytes: 64 * 2 ** 20,
      description: "Adds up.",
    });
  });

  test("reads JSON where the divider names it", () => {
    expect(read(sourceWith({})).type).toBe("mapper");
  });

  test.each([
    ["no comment", "export function map() {}", "words.js:1 the file has no block comment"],
    ["an open comment", "/* ** yaml\n", "words.js:1 the file has no block comment"],
    ["no divider", "\n/** Splits. */\n", "words.js:2 no divider line"],
    ["broken JSON", "/**\n ** json\n * {\n * x\n */", "words.js:4 not JSON"],
    ["a list", "/**\n ** json\n * []\n */", "words.js:2 the metadata is no mapping"],
  ])("refuses a file with %s and says where", (_what, source, wanted) => {
    expect(refusal(source)).toContain(`HANDLER_METADATA_INVALID ${wanted}`);
  });

  test.each([
    [{ handler_type: "task" }, 4, "handler_type is one of"],
    [{ argument_spec: undefined }, 2, "missing key: argument_spec"],
    [{ argument_spec: [] }, 5, "exactly one entry"],
    [{ argument_spec: [{ name: "results", type: "list" }] }, 5, "the argument of a mapper is"],
    [{ argument_spec: [{ name: "arguments", type: "bytes" }] }, 5, " the type is one of"],
    [{ argument_spec: [{ name: "arguments", type: 1 }] }, 5, " the type is one of"],
    [
      { argument_spec: [{ name: "arguments", type: "set" }] },
      5,
      "in JavaScript the type is one of",
    ],
    [
      { argument_spec: [{ name: "arguments", type: "int" }] },
      5,
      "in JavaScript the type is one of",
    ],
    [{ argument_spec: [{ name: "arguments" }] }, 5, "exactly a name and a type"],
    [{ required_capability: "two words" }, 11, "required_capability is a label"],
    [{ colour: 1 }, 12, "unknown key: colour"],
    [{ retries: -1 }, 12, "retries is an integer"],
    [{ timeout: "soon" }, 12, "timeout is seconds"],
    [{ timeout: 0 }, 12, "timeout is seconds"],
    [{ memory: "1 MB" }, 12, "memory is bytes"],
  ])("refuses %j on its line", (changes, line, reason) => {
    const got = refusal(sourceWith(changes));
    expect(got).toContain(reason);
    expect(got).toContain(`words.js:${line} `);
  });
});

test("metadata longer than its bound is refused before it is parsed", () => {
  const parseYaml: TextParser = () => {
    throw new Error("it was parsed");
  };
  const source = `/**\n**\n${"a: 1\n".repeat(METADATA_LENGTH_MAX / 4)}x\n*/`;
  const options = { file: "words.js", language: "javascript", parseYaml } as const;
  expect(() => readHandlerMetadata(source, options)).toThrow("longer than 8192 characters");
});

/** A Python reducer with another divider or type. */
function pythonWith(changes: { readonly divider?: string; readonly type?: string }): string {
  const { divider = "**", type = "list" } = changes;
  const argument = { name: "results", type };
  const fields = {
    handler_type: "reducer",
    argument_spec: [argument],
    required_capability: "none",
  };
  return `"""Adds up.\n${divider}\n${JSON.stringify(fields, undefined, 1)}\n"""\n`;
}

describe("the line that starts with **", () => {
  const ADDS = { type: "reducer", argumentType: "list", description: "Adds up." };

  test.each(["**json", "** JSON", "**  json", "  **\tjson ", "**Json"])(
    "names the parser JSON as %j in Python",
    (divider) => {
      expect(read(pythonWith({ divider }), "python")).toMatchObject(ADDS);
    },
  );

  const FLOW = `handler_type: reducer
argument_spec: [{ name: results, type: list }]
required_capability: none`;

  test.each(["**yaml", "** YAML", "**  yaml", "**", "** "])(
    "names the parser YAML as %j in Python and in JavaScript",
    (divider) => {
      expect(read(`"""Adds up.\n${divider}\n${FLOW}\n"""`, "python")).toMatchObject(ADDS);
      const lines = FLOW.split("\n").map((line) => ` * ${line}`);
      for (const decoration of [" ", " * ", ""]) {
        const source = `/** Adds up.\n${decoration}${divider}\n${lines.join("\n")}\n */`;
        expect(read(source)).toMatchObject(ADDS);
      }
    },
  );

  test("may be the first one, where there is no description", () => {
    const none = { ...ADDS, description: "" };
    expect(read(`"""** yaml\n${FLOW}\n"""`, "python")).toMatchObject(none);
    expect(read(`/* ** yaml\n${FLOW}\n */`)).toMatchObject(none);
    const late = `"""** yaml\n${FLOW}\nretries: -1\n"""`;
    expect(refusal(late, "python")).toContain("words.js:5 retries");
  });

  test("is of a description where it says more than a parser's name", () => {
    const source = `"""Adds up.\n**Note:** slowly.\n** yaml\n${FLOW}\n"""`;
    expect(read(source, "python").description).toBe("Adds up.\n**Note:** slowly.");
    const banner = `/*********\n ***** Adds\n ** yaml\n${FLOW}\n */`;
    expect(read(banner).type).toBe("reducer");
  });

  test.each(["** toml", "**TOML", "  ** toml"])("is refused with its line as %j", (divider) => {
    const why = "words.js:2 no parser is called toml; the divider is `**`";
    expect(refusal(pythonWith({ divider }), "python")).toContain(why);
    expect(refusal(`/** Adds.\n * ${divider}\n * ${FLOW}\n */`)).toContain(why);
  });
});

describe("the type of an argument", () => {
  test.each([
    ...["list", "dict", "tuple", "set", "frozenset", "str", "bool", "int", "float"],
    ...["sorted", "reversed", "enumerate", "iter", "len"],
  ])("may be Python's builtin %s", (type) => {
    expect(read(pythonWith({ divider: "** json", type }), "python").argumentType).toBe(type);
  });

  test.each(["bytes", "exec", "print", "List", ""])("is not %j, and the line is told", (type) => {
    const told = refusal(pythonWith({ divider: "** json", type }), "python");
    expect(told).toContain("words.js:5 the type is one of list, dict, tuple, set, ");
  });
});

/** What may stand before a comment, as a pattern: right, but slow where strings have no end. */
const BEFORE_COMMENT =
  /\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|(\/\*)/g;

describe("findHandlerComment()", () => {
  test("finds the comment that a pattern finds, whatever strings stand before it", () => {
    const piece = fc.constantFrom('"', "'", "`", "\\", "\n", "//", "/*", "*/", "a", "\n**\n");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const source = pieces.join("");
        const match = [...source.matchAll(BEFORE_COMMENT)].find(([, comment]) => comment);
        const line = source.slice(0, match?.index).split("\n").length;
        const closed = match !== undefined && source.includes("*/", match.index + 2);
        const found = findHandlerComment(source, "javascript");
        const at = found.kind === "comment" ? found.comment.startLine : found.line;
        expect(at).toBe(closed ? line : 1);
        if (found.kind === "comment") expect(closed).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(["`\\", "'\\", '"\\'])(
    "half a million times %s is no comment, and found so",
    (unit) => {
      expect(findHandlerComment(unit.repeat(500_000), "javascript").kind).toBe("missing");
    },
  );

  test("a divider on the first line beside the opening is not one", () => {
    expect(findHandlerComment("/** yaml\n * a: 1\n */", "javascript").kind).toBe("missing");
  });

  test("the indentation that all lines of the metadata share is removed", () => {
    const found = findHandlerComment("/**\n   **\n   *   a:\n   *     - 1\n   */", "javascript");
    expect(found.kind === "comment" && found.comment.text).toBe("a:\n  - 1\n");
  });

  test("an escaped quote does not end a docstring", () => {
    const found = findHandlerComment('r"""a \\""" b\n**\nx: 1\n"""', "python");
    expect(found).toMatchObject({ kind: "comment", comment: { text: "x: 1\n", dividerLine: 2 } });
  });

  test("a Python file that begins with code has no docstring", () => {
    expect(findHandlerComment('x = 1\n"""\n**\n"""', "python").kind).toBe("missing");
  });
});

describe("metadata about running", () => {
  test("is read with the rest, and a mistake in it is told with its line", () => {
    const runtime = read(sourceWith({ pids: 5, environment: { MODE: "fast" } })).runtime;
    expect(runtime).toMatchObject({ pids: 5, environment: { MODE: "fast" }, isPure: false });
    expect(read(sourceWith({})).runtime).toBeUndefined();
    expect(refusal(sourceWith({ sandbox: "some" }))).toBe(
      "HANDLER_METADATA_INVALID words.js:12 sandbox is one of none, strict",
    );
  });
});
