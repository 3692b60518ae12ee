/** A folder with an `analysis-tools.yml`: what is in it, as a workflow with one job. */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { ObjectInputBody } from "../api/object-input.ts";
import { isMapping } from "../api/values.ts";
import type { ApplyBody } from "../api/workflow-routes.ts";
import { cliError } from "./errors.ts";
import { readYaml } from "./files.ts";
import { mapperSource, reducerSource, type SpecPart } from "./spec-handlers.ts";

/** The file that makes a folder one. */
const SPEC_FILE = "analysis-tools.yml";

/** The job that runs it. */
export const SPEC_JOB = "run";

/** What is to be applied and submitted. */
export interface Spec {
  readonly workflow: string;
  readonly body: ApplyBody;
  /** How its mapper takes objects. */
  readonly form: NonNullable<ObjectInputBody["form"]>;
}

/** @throws {JobxError} `CLI_USAGE` for a file that says something else, `CLI_FILE_UNREADABLE`. */
export async function readSpec(
  folder: string,
  of: { readonly reduces: boolean; readonly workflow: string | undefined },
): Promise<Spec> {
  const told = await readYaml(join(folder, SPEC_FILE));
  const fields = isMapping(told) ? told : {};
  const mapper = await partOf(fields, { folder, module: "mapper" });
  const reducing = isMapping(fields["reducer"])
    ? fields["reducer"]
    : { ...fields, script: undefined, language: "python" };
  const reducer = of.reduces ? await partOf(reducing, { folder, module: "reducer" }) : undefined;
  const workflow =
    of.workflow ?? `spec_${basename(resolve(folder)).replace(/[^A-Za-z0-9_.]/gu, "_")}`;
  return {
    workflow,
    form: mapper.kind === "module" ? "keyed" : "path",
    body: {
      description: `What ${folder} holds`,
      handlers: [
        { name: "mapper", path: "mapper.py", language: "python", source: mapperSource(mapper) },
        { name: "reducer", path: "reducer.py", language: "python", source: reducerSource(reducer) },
      ],
      steps: { objects: { map: "mapper", reduce: "reducer" } },
      jobs: { [SPEC_JOB]: { step: "objects", description: "Over a list of files." } },
    },
  };
}

async function partOf(
  fields: Readonly<Record<string, unknown>>,
  at: { readonly folder: string; readonly module: string },
): Promise<SpecPart> {
  const { language, script = at.module, arguments: given = [] } = fields;
  if (typeof script !== "string") throw usage("script is the name of a module or program");
  const words: readonly unknown[] = Array.isArray(given) ? given : [given];
  switch (language) {
    case "python": {
      const module = script.replace(/\.py$/u, "");
      const source = (await contentOf(join(at.folder, `${module}.py`))).toString("utf8");
      return { kind: "module", module: basename(module), source };
    }
    case "javascript":
    case "binary":
      return {
        kind: "program",
        name: basename(script),
        content: await contentOf(join(at.folder, script)),
        interpreter: language === "javascript" ? "node" : undefined,
        arguments: words.map(String),
      };
    default:
      throw usage(`language is python, javascript or binary, found ${JSON.stringify(language)}`);
  }
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const details = { code: "CLI_FILE_UNREADABLE", path } as const;
    throw cliError(details, `cannot read ${path}: ${String(cause)}`, { cause });
  }
}

function usage(message: string): Error {
  return cliError({ code: "CLI_USAGE", command: "map" }, `${SPEC_FILE}: ${message}`);
}
