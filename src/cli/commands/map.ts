import { randomUUID } from "node:crypto";
import type { JobxClient } from "../../api/client.ts";
import type { ObjectInputBody } from "../../api/object-input.ts";
import { sentBody } from "../../api/sent-body.ts";
import { type Command, type CommandRun, countOption, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { belowOne, type InputWord, inputWords } from "../input-words.ts";
import { localFile } from "../local-files.ts";
import { readSpec, SPEC_JOB } from "../spec.ts";
import { SUBMIT_OPTIONS, submitAndShow } from "../submitted.ts";

const FORMS = ["path", "lines", "ndjson", "bytes", "csv", "keyed"] as const;
const COMPRESSIONS = ["auto", "none", "gz", "xz", "zst", "bz2"] as const;

/** `jobx map WORKFLOW JOB INPUT...`, and `jobx map --spec DIR INPUT...` */
export const MAP: Command = {
  name: "map",
  summary: "Run a job over a list of files: its step's mapper gets each of them.",
  usage: "WORKFLOW JOB INPUT...",
  positionals: { min: 0, max: 100_000 },
  options: {
    input: {
      kind: "text",
      value: "INPUT",
      help: "s3://BUCKET/PREFIX, https://..., WORKFLOW:/PATH, node:/PATH, @LIST, or a path here; * fits.",
    },
    as: {
      kind: "text",
      value: "FORM",
      help: `How the mapper gets it: ${FORMS.join(", ")} (path).`,
    },
    compression: {
      kind: "text",
      value: "HOW",
      help: `How files are packed: ${COMPRESSIONS.join(", ")} (auto, by the end of their names).`,
    },
    spec: {
      kind: "text",
      value: "DIR",
      help: "A folder with an analysis-tools.yml, in place of WORKFLOW JOB: it is applied and run.",
    },
    workflow: { kind: "text", value: "NAME", help: "With --spec: the workflow (spec_ and DIR)." },
    reduce: { kind: "flag", help: "With --spec: its reducer gets the values of each key." },
    ahead: { kind: "text", value: "N", help: "Files that a node fetches at once (3)." },
    "skip-unavailable": {
      kind: "flag",
      help: "Go on without files that cannot be had; else the request fails.",
    },
    ...SUBMIT_OPTIONS,
  },
  examples: [
    "jobx map logs count 's3://archive/2026/*.gz' --as lines --wait",
    "jobx map --spec ./analysis --input @files.txt --reduce --wait",
    "jobx map text words /usr/share/doc/*/changelog.gz --as lines --skip-unavailable",
  ],
  async run(run) {
    const folder = run.text("spec");
    const asked = { reduces: run.flag("reduce"), workflow: run.text("workflow") };
    const spec = folder === undefined ? undefined : await readSpec(folder, asked);
    if (spec === undefined && run.positionals.length < 2)
      throw usage("expected WORKFLOW JOB INPUT");
    const workflow = spec?.workflow ?? positional(run, 0);
    const job = spec === undefined ? positional(run, 1) : SPEC_JOB;
    const named = [run.text("input"), ...run.positionals.slice(spec === undefined ? 2 : 0)];
    const given = named.flatMap((word) => (word === undefined ? [] : [word]));
    if (given.length === 0) throw usage("expected an INPUT, such as s3://bucket/prefix");
    const about = {
      type: "objects",
      form: oneOf(run, { name: "as", of: FORMS, otherwise: spec?.form ?? "path" }),
      compression: oneOf(run, { name: "compression", of: COMPRESSIONS, otherwise: "auto" }),
      ahead: countOption(run, { name: "ahead", min: 1, max: 64, otherwise: 3 }),
      unavailable: run.flag("skip-unavailable") ? "skip" : "fail",
    } as const;
    const words = await inputWords(given, workflow);
    return submitAndShow(run, async (client) => {
      if (spec !== undefined) {
        await client.apply(workflow, spec.body, { dryRun: false, force: false });
      }
      const sources = await sourcesOf(words, { client, workflow });
      const input: ObjectInputBody = { ...about, sources };
      return client.submit({
        ...{ workflow, job, arguments: [], input },
        ...{ idempotencyKey: run.text("key"), keep: run.text("keep") },
      });
    });
  },
};

/** Files of this machine are put into the volume first. */
async function sourcesOf(
  words: readonly InputWord[],
  to: { readonly client: JobxClient; readonly workflow: string },
): Promise<ObjectInputBody["sources"]> {
  const files = words.flatMap((word) => (word.kind === "here" ? word.files : []));
  const sources = words.flatMap((word) => (word.kind === "source" ? [word.source] : []));
  if (files.length === 0) return sources;
  const folder = `inputs/${randomUUID()}`;
  const { names } = belowOne(files);
  for (const [at, file] of files.entries()) {
    const { content } = await localFile(file);
    const path = `${folder}/${names[at] ?? at}`;
    const where = { workflow: to.workflow, path, parents: true };
    await to.client.files.put(where, sentBody(content));
  }
  return [...sources, { type: "volume", path: folder }];
}

function oneOf<const T extends string>(
  run: CommandRun,
  of: { readonly name: string; readonly of: readonly T[]; readonly otherwise: T },
): T {
  const text = run.text(of.name);
  const found = text === undefined ? of.otherwise : of.of.find((one) => one === text);
  if (found !== undefined) return found;
  throw usage(`--${of.name}: expected one of ${of.of.join(", ")}, found ${text}`);
}

function usage(message: string): Error {
  return cliError({ code: "CLI_USAGE", command: "map" }, message);
}
