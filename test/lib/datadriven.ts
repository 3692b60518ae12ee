/**
 * Tests whose cases are text: a command line, `----`, then the expected output.
 * Run with `UPDATE=1` to rewrite the expectations, then read the diff before committing it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

export interface Case {
  readonly command: string;
  readonly args: Readonly<Record<string, readonly string[]>>;
  readonly input: string;
}

export type Handlers = Readonly<Record<string, (c: Case) => string | Promise<string>>>;

export function runDataFile(url: URL, handlers: Handlers): void {
  const path = fileURLToPath(url);
  const blocks = readFileSync(path, "utf8")
    .trimEnd()
    .split(/\n{2,}/);
  const outputs: string[] = [...blocks];
  describe(basename(path), () => {
    blocks.forEach((block, index) => {
      const lines = block.split("\n");
      const comments = lines.filter((line) => line.startsWith("#"));
      const rest = lines.filter((line) => !line.startsWith("#"));
      const divider = rest.indexOf("----");
      if (divider < 1) return; // A block of comments only.
      const head = rest[0] ?? "";
      const want = rest.slice(divider + 1).join("\n");
      const title = comments.map((line) => line.slice(1).trim()).join(" ") || head;
      test(title, async () => {
        const parsed = parse(head, rest.slice(1, divider).join("\n"));
        const handler = handlers[parsed.command];
        if (!handler) throw new Error(`no handler for '${parsed.command}'`);
        const got = await handler(parsed);
        outputs[index] = [...comments, ...rest.slice(0, divider + 1), got].join("\n");
        if (process.env["UPDATE"] === undefined) expect(got).toBe(want);
      });
    });
    afterAll(() => {
      if (process.env["UPDATE"] !== undefined) writeFileSync(path, `${outputs.join("\n\n")}\n`);
    });
  });
}

function parse(head: string, input: string): Case {
  const [command = "", ...words] = head.match(/[^\s(]+(?:\([^)]*\))?/g) ?? [];
  const args: Record<string, readonly string[]> = {};
  for (const word of words) {
    const [key = "", value = ""] = word.split("=");
    args[key] = value
      .replace(/^\(|\)$/g, "")
      .split(",")
      .map((v) => v.trim())
      .filter(Boolean);
  }
  return { command, args, input };
}
