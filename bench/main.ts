/**
 * `npm run bench -- [names] [--json] [--profile DIR] [--rows N] [--nodes N] [--seconds N]`: measures a cluster of three real nodes on this
 * machine. See docs/benchmarks.md. Ends with 1 when a floor was missed.
 */
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { commits } from "./commits.ts";
import { failover } from "./failover.ts";
import { fetchBench } from "./fetch.ts";
import { flood } from "./flood.ts";
import { fs } from "./fs.ts";
import { handlers } from "./handler-calls.ts";
import { records } from "./handler-records.ts";
import { idle } from "./idle.ts";
import { languages } from "./languages.ts";
import { runNodeProcess } from "./lib/node-process.ts";
import type { BenchOptions } from "./lib/options.ts";
import { isProducer, runProducer } from "./lib/producer.ts";
import { holds, machineText, type Table, tableText } from "./lib/report.ts";
import { named } from "./named.ts";
import { names } from "./names.ts";
import { range } from "./range.ts";
import { units } from "./units.ts";
import { workers } from "./workers.ts";

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<Table>>> = {
  commits,
  units,
  workers,
  failover,
  handlers,
  records,
  idle,
  languages,
  named,
  range,
  flood,
  fs,
  names,
  fetch: fetchBench,
};

/** They take minutes, or a quarter of an hour: only when they are asked for. */
const LONG: ReadonlySet<string> = new Set([
  ...["named", "range", "flood", "fs", "names", "fetch", "languages", "workers"],
]);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: "boolean" },
      profile: { type: "string" },
      rows: { type: "string" },
      nodes: { type: "string" },
      seconds: { type: "string" },
      help: { type: "boolean" },
    },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => BENCHES[name] === undefined);
  const counts = {
    rows: numberOf(values.rows),
    nodes: numberOf(values.nodes),
    seconds: numberOf(values.seconds),
  };
  const wrong = unknown !== undefined || Object.values(counts).some(Number.isNaN);
  if (values.help === true || wrong) {
    console.error(
      `usage: npm run bench -- [${Object.keys(BENCHES).join(" ")}] [--json] [--profile DIR] [--rows N] [--nodes N] [--seconds N]`,
    );
    process.exitCode = wrong ? 2 : 0;
    return;
  }
  if (values.profile !== undefined) await mkdir(values.profile, { recursive: true });
  const tables: Table[] = [];
  if (values.json !== true) console.log(`${machineText()}\n`);
  const usual = Object.keys(BENCHES).filter((name) => !LONG.has(name));
  for (const name of positionals.length === 0 ? usual : positionals) {
    const table = await BENCHES[name]?.({ profiles: values.profile, ...counts });
    if (table === undefined) continue;
    tables.push(table);
    if (values.json !== true) console.log(tableText(table));
  }
  if (values.json === true) {
    console.log(JSON.stringify({ machine: machineText(), tables }, undefined, 2));
  }
  if (tables.some(({ figures }) => !figures.every(holds))) process.exitCode = 1;
}

/** What an option says: undefined without it, NaN for what is not a count. */
function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : Number.NaN;
}

if (process.argv[2] === "--node") runNodeProcess();
else if (isProducer(process.argv[2])) runProducer();
else await main();
