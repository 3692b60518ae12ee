/** Findings as files, and playing them again. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { asRecord, numberOf, textOf } from "../../scripts/lib/json.ts";
import { play } from "./runner.ts";
import type { Found, Reach } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Writes a finding and says how it is played again. */
export function writeFound(folder: string, found: Found): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${found.target}-${found.seed}-${found.run}.json`);
  writeFileSync(path, `${JSON.stringify(found, null, 2)}\n`);
  return [
    `${found.target}: seed ${found.seed}, input ${found.run}: ${found.error}`,
    `again: npm run fuzz -- --replay ${path}`,
  ].join("\n");
}

/** @throws {Error} when the file is no finding. */
export function readFound(path: string): Found {
  const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
  const fields = asRecord(parsed, path);
  return {
    target: textOf(fields, "target"),
    seed: numberOf(fields, "seed"),
    run: numberOf(fields, "run"),
    input: textOf(fields, "input"),
    error: textOf(fields, "error"),
  };
}

/** Decodes a finding's input again. @throws {unknown} what is wrong with it, if it still is. */
export function playFound(found: Found): Promise<Reach> {
  const target = TARGETS.find(({ name }) => name === found.target);
  if (target === undefined) throw new Error(`there is no target ${found.target}`);
  return play(target, inflateRawSync(Buffer.from(found.input, "base64")));
}
