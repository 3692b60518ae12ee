/** What people write or paste: configuration, workflow files, metadata of handlers, tickets, arguments. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPairs, decodeUtf8, isMapping, parseSubmission } from "../../../src/api/values.ts";
import { parseYaml as parseWorkflowYaml } from "../../../src/cli/files.ts";
import { parseYaml } from "../../../src/handlers/handler-check.ts";
import { readConfigFile } from "../../../src/node/config/file.ts";
import { parseTicket, printTicket } from "../../../src/node/ticket-text.ts";
import { isJobxError } from "../../../src/std/errors.ts";
import { parseWorkflow } from "../../../src/workflow/document.ts";
import { readHandlerMetadata } from "../../../src/workflow/handler-metadata.ts";
import { handlersAmong } from "../../../src/workflow/handler-names.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import { mutateText } from "../mutate-text.ts";
import { jsonLeaf, mutateValue } from "../mutate-values.ts";
import type { Reach, Target } from "../target.ts";

/** `cut` are codes of the syntax, `refused` those of what the text says; a `*` ends a beginning. */
interface Codes {
  readonly cut: readonly string[];
  readonly refused: readonly string[];
}

function matches(code: string, forms: readonly string[]): boolean {
  return forms.some((form) =>
    form.endsWith("*") ? code.startsWith(form.slice(0, -1)) : code === form,
  );
}

function judged(codes: Codes, take: () => void): Reach {
  try {
    take();
    return "accepted";
  } catch (error) {
    if (!isJobxError(error)) throw error;
    if (matches(error.code, codes.cut)) return "cut";
    if (matches(error.code, codes.refused)) return "refused";
    throw error;
  }
}

/** Characters of a mutant that is JSON: some grow in two places at once. */
const JSON_LENGTH_MAX = 60_000;

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

function textTarget(
  name: string,
  options: {
    readonly texts: readonly string[];
    /** What mutants of values are written into, as JSON, which is YAML too. */
    readonly values?: { readonly of: readonly unknown[]; readonly into: (json: string) => string };
    readonly codes: Codes;
    readonly reads: readonly string[];
    readonly take: (text: string) => void;
  },
): Target {
  const { texts, values, codes, reads, take } = options;
  return {
    name,
    reads,
    cost: 10,
    make(chance) {
      if (values === undefined || chance.hits(0.5)) {
        return Buffer.from(mutateText(chance.pick(texts), chance));
      }
      const mutant = mutateValue(chance.pick(values.of), chance, jsonLeaf);
      const json = JSON.stringify(mutant);
      return Buffer.from(values.into(json.length > JSON_LENGTH_MAX ? "{}" : json));
    },
    take: (bytes) => judged(codes, () => take(textOf(bytes))),
  };
}

const CONFIG_FOLDER = mkdtempSync(join(tmpdir(), "jobx-fuzz-config-"));
const CONFIG_PATH = join(CONFIG_FOLDER, "jobx.yaml");
process.once("exit", () => rmSync(CONFIG_FOLDER, { recursive: true, force: true }));

const CONFIGS = [
  "# A node.\ndata: /var/lib/jobx\nslots: 4\nlisten: [/ip4/0.0.0.0/tcp/7071]\nlog-level: info\n",
  "name: a\napi: 127.0.0.1:7070\ndrain-timeout: 30s\nhandler-memory: 512MiB\nadvertise:\n  - /dns4/a/tcp/1\n",
  "slots: 0x10\nretention-age: 1e3\n",
  "",
];

const CONFIG_VALUES = [
  { data: "/d", slots: 4, listen: ["/ip4/0.0.0.0/tcp/1", "/ip6/::/tcp/2"], name: "a" },
  { "log-level": "info", advertise: [], "drain-timeout": "30s", "retention-bytes": 1e9 },
];

const WORKFLOW_VALUES = [
  {
    ...{ workflow: "w", description: "d", handlers: "./h", retention: { age: "24h", bytes: 10 } },
    weight: 3,
    steps: {
      a: { map: "m", reduce: "r", combine: "c", partitions: 2, retries: 3, timeout: "60s" },
      b: { map: "m", reduce: "r", onFailure: "skip", description: "x" },
    },
    jobs: { j: { step: "a", description: "d" }, k: { step: "b" } },
  },
  {
    workflow: "w",
    steps: { documents: { map: "m", reduce: "r" } },
    jobs: { j: { step: "document" } },
  },
];

const METADATA_VALUES = [
  {
    ...{ handler_type: "mapper", required_capability: "none", retries: 3, timeout: "5s" },
    ...{ argument_spec: [{ name: "arguments", type: "list" }], memory: "64MiB" },
  },
  {
    ...{ handler_type: "reducer", required_capability: "GPU", timeout: 1.5, memory: 1000 },
    argument_spec: [{ name: "results", type: "null" }],
  },
  {
    ...{ handler_type: "mapper", required_capability: "none", memory: "9999999999999999" },
    argument_spec: [{ name: "arguments", type: "list" }],
  },
];

const WORKFLOWS = [
  `workflow: text
description: Counts words.
handlers: ./handlers
steps:
  documents: { map: split, reduce: sum, partitions: 2 }
  words: { map: count, combine: sum_pairs, reduce: sum, retries: 3, timeout: 60s, onFailure: fail }
jobs:
  wordcount: { step: documents, description: Counts words of documents. }
retention: { age: 24h, bytes: 1000 }
weight: 100
`,
  "workflow: w\nsteps:\n  a: { map: m, reduce: r, combine: null, timeout: 2s }\njobs: {}\n",
  "workflow: constructor\nsteps:\n  __proto__: &s { map: toString, reduce: valueOf }\n  b: *s\n",
  '{"workflow": "w", "retention": null, "jobs": {"j": {"step": "x"}}}',
];

const SOURCES = [
  `#!/usr/bin/env node
const opening = "/* not this one */";
/** Splits a folder.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: GPU
 * retries: 3
 * timeout: 1.5
 */
export function map() {}
`,
  `# A comment.

r"""Adds up. \\""" more
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: null }]
required_capability: none
timeout: "90s"
memory: "67108864"
"""
def reduce(results, ctx):
    pass
`,
  `/* Combines.
** json
{ "handler_type": "combiner", "argument_spec": [{ "name": "results", "type": "int" }],
  "required_capability": "none", "memory": 1000000 }
*/`,
];

const PATHS = "a.js\nb/c.py\n_helpers/x.js\nd.d.ts\nsum.ts\n.git/y.js\nREADME\nb_c.mjs";

const ARGUMENTS = [
  '{"arguments": {"a": 1, "10": [2, {"x": "é"}], "a": null}, "keep": true}',
  '{"arguments": [["k", 1.5], [["a", 2], {"deep": [[[]]]}], [null, "\\u0000"]]}',
];

const textTargets: readonly Target[] = [
  textTarget("config-file", {
    texts: CONFIGS,
    values: { of: CONFIG_VALUES, into: (json) => json },
    codes: { cut: ["CONFIG_FILE_INVALID"], refused: ["CONFIG_KEY_UNKNOWN", "CONFIG_INVALID"] },
    reads: ["node/config/file.ts"],
    take: (text) => {
      // Through a file, as a node reads it: what is read and how large it may be are part of it.
      writeFileSync(CONFIG_PATH, text);
      readConfigFile(CONFIG_PATH, "must exist");
      readConfigFile(`${CONFIG_PATH}.absent`, "may be absent");
    },
  }),
  textTarget("workflow-file", {
    texts: WORKFLOWS,
    values: { of: WORKFLOW_VALUES, into: (json) => json },
    codes: { cut: ["CLI_YAML_INVALID"], refused: ["WORKFLOW_*"] },
    reads: ["workflow/document.ts", "workflow/fields.ts", "workflow/duration.ts"],
    take: (text) => {
      parseWorkflow(parseWorkflowYaml(text, "workflow.yaml"));
    },
  }),
  textTarget("handler-metadata", {
    texts: SOURCES,
    values: { of: METADATA_VALUES, into: (json) => `/** d\n** json\n${json}\n*/` },
    codes: { cut: [], refused: ["HANDLER_METADATA_INVALID"] },
    reads: ["workflow/handler-metadata.ts", "workflow/handler-comment.ts", "workflow/size.ts"],
    take: (text) => {
      const language = text.includes('"""') ? "python" : "javascript";
      readHandlerMetadata(text, { file: "h", language, parseYaml });
    },
  }),
  textTarget("handler-names", {
    texts: [PATHS],
    codes: { cut: [], refused: ["HANDLER_*"] },
    reads: ["workflow/handler-names.ts"],
    take: (text) => {
      handlersAmong(text.split("\n"));
    },
  }),
];

function makeArguments(chance: Chance): Uint8Array {
  const text = chance.pick(ARGUMENTS);
  if (chance.hits(0.4)) return Buffer.from(mutateText(text, chance));
  if (chance.hits(0.1)) return mutateBytes(Buffer.from(text), chance);
  return Buffer.from(JSON.stringify(mutateValue(JSON.parse(text), chance, jsonLeaf)));
}

const argumentsTarget: Target = {
  name: "arguments",
  reads: ["api/values.ts", "api/json-members.ts"],
  cost: 2,
  make: makeArguments,
  take: (bytes) =>
    judged({ cut: ["API_JSON_INVALID"], refused: ["API_INPUT_INVALID", "HANDLER_VALUE_*"] }, () => {
      const body = parseSubmission(decodeUtf8(bytes));
      const pairs = isMapping(body) ? body["arguments"] : undefined;
      // The route's schema says no to anything else.
      if (Array.isArray(pairs)) checkPairs(pairs);
    }),
};

const tickets = [
  {
    id: "a1",
    clusterId: "c1",
    secret: new Uint8Array(32).fill(7),
    addresses: ["/ip4/192.0.2.1/tcp/7071"],
  },
  { id: "", clusterId: "", secret: new Uint8Array(), addresses: [] },
].map((ticket) => printTicket(ticket));

const ticketTarget: Target = {
  name: "ticket",
  reads: ["node/ticket-text.ts"],
  make(chance) {
    const word = chance.pick(tickets);
    if (chance.hits(0.2)) return Buffer.from(mutateText(word, chance));
    const bytes = mutateBytes(Buffer.from(word.slice("jobx1-".length), "base64url"), chance);
    return Buffer.from(`jobx1-${Buffer.from(bytes).toString("base64url")}`);
  },
  take(bytes) {
    const word = textOf(bytes);
    const reach = judged({ cut: [], refused: ["TICKET_MALFORMED"] }, () => {
      parseTicket(printTicket(parseTicket(word)));
    });
    return reach === "refused" && !word.startsWith("jobx1-") ? "cut" : reach;
  },
};

export const allTextTargets: readonly Target[] = [...textTargets, argumentsTarget, ticketTarget];
