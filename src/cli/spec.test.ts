import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { DataPlaneKit } from "../../test/lib/data-plane-kit.ts";
import { ObjectServer } from "../../test/lib/object-server.ts";
import type { Dataset, HandlerRef, Outcome } from "../wire/dataset.ts";
import { readSpec, type Spec } from "./spec.ts";

const MAPPER = `
def mapper(record, file, value):
    return value["info"]["OS"] + " 1\\n"
`;

const REDUCER = `
def reduce(key, values):
    return key + " " + str(sum(int(value) for value in values))
`;

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-spec-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Runs a spec over one object and reduces what it gave as the root would be. */
async function run(spec: Spec, object: Uint8Array): Promise<unknown> {
  const kit = await DataPlaneKit.open();
  onTestFinished(() => kit.close());
  const server = await ObjectServer.start(new Map([["/records.gz", { bytes: object }]]));
  onTestFinished(() => server.close());
  const check = await kit.plane.checkHandlers(spec.body.handlers ?? []);
  if (check.kind === "refused") throw new Error(JSON.stringify(check.errors));
  const sources = new Map(check.definitions.map(({ version, source }) => [version, source]));
  const refs = check.definitions.map((one): HandlerRef => {
    const { name, version, language, type, argumentType, memoryBytes } = one;
    return { name, version, language, type, argumentType, memoryBytes };
  });
  const [mapper, reducer] = ["mapper", "reducer"].map((name) =>
    refs.find((one) => one.name === name),
  );
  if (mapper === undefined || reducer === undefined) throw new Error("a handler is missing");
  const source = (version: string): Promise<string> => Promise.resolve(sources.get(version) ?? "");
  const listed = await kit.run({
    ...{ kind: "list", cursor: "", limit: 9, parts: 1, keepYieldOrder: true, timeoutMs: 30_000 },
    sources: await kit.plane.storePairs([[0, { type: "url", url: server.url("/records.gz") }]]),
  });
  if (listed.kind !== "listed") throw new Error(JSON.stringify(listed));
  const work = kit.mapOf({ mapper, reducer }, listed.children);
  if (work.kind !== "map") throw new Error("a map unit");
  const objects = { form: spec.form, compression: "auto", ahead: 1, unavailable: "fail" } as const;
  const mapped = await kit.run({ ...work, objects }, { source });
  const [leaf = []] = partsOf(mapped);
  const inputs = [leaf];
  const reduced = await kit.run(kit.reduceOf(reducer), {
    ...{ source, invocation: "spec-2-1.r", inputs: () => Promise.resolve(inputs.shift()) },
  });
  const warnings = mapped.kind === "reduced" ? mapped.warnings : [];
  return { pairs: await kit.pairsOf(partsOf(reduced).flat()), warnings: warnings.length };
}

function partsOf(outcome: Outcome): readonly Dataset[] {
  if (outcome.kind !== "reduced") throw new Error(JSON.stringify(outcome));
  return outcome.parts;
}

const RECORDS = ["Linux", "Darwin", "Linux"].map(
  (os, at) => `1234567${at}-1234-1234-1234-123456789abc\t{"info":{"OS":"${os}"}}`,
);

test("a module of Python gets each record, and its reducer each key with all values", async () => {
  const told = "language: python\nscript: mapper\n";
  const folder = await folderWith({
    "analysis-tools.yml": told,
    "mapper.py": MAPPER,
    "reducer.py": REDUCER,
  });
  const spec = await readSpec(folder, { reduces: true, workflow: "telemetry" });
  expect(spec).toMatchObject({ workflow: "telemetry", form: "keyed" });
  const object = gzipSync(`${[...RECORDS, "no record"].join("\n")}\n`);
  expect(await run(spec, object)).toEqual({
    pairs: [
      ["Darwin", "Darwin 1"],
      ["Linux", "Linux 2"],
    ],
    warnings: 1,
  });
}, 60_000);

test("a program gets paths and leaves lines; without a reducer these are the result", async () => {
  const script = '#!/bin/sh\nread path\nwc -l < "$path" | sed "s/^ */$1 /" > result.txt\n';
  const folder = await folderWith({
    "analysis-tools.yml": "language: binary\nscript: count.sh\narguments: [lines]\n",
    "count.sh": script,
  });
  const spec = await readSpec(folder, { reduces: false, workflow: undefined });
  expect(spec.form).toBe("path");
  const object = gzipSync(`${RECORDS.join("\n")}\n`);
  expect(await run(spec, object)).toEqual({ pairs: [["lines", "3"]], warnings: 0 });
}, 60_000);

test("a folder that says another language, or lacks what it names, is refused with the reason", async () => {
  const of = { reduces: false, workflow: undefined };
  const other = await folderWith({ "analysis-tools.yml": "language: cobol\n" });
  await expect(readSpec(other, of)).rejects.toMatchObject({ code: "CLI_USAGE" });
  const lacking = await folderWith({ "analysis-tools.yml": "language: python\n" });
  await expect(readSpec(lacking, of)).rejects.toMatchObject({ code: "CLI_FILE_UNREADABLE" });
});
