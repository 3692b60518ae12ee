/**
 * Runs dependency-cruiser over the folders given and prints what breaks the import table. Fails as well
 * when it looked at no module: with a TypeScript it cannot load it finds nothing and calls that fine.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The report of a large tree; 64 MiB is a hundred times today's. */
const REPORT_BYTES_MAX = 64 * 1024 * 1024;

const folders = process.argv.slice(2);
const main = fileURLToPath(import.meta.resolve("dependency-cruiser"));
const program = join(dirname(main), "..", "..", "bin", "dependency-cruise.mjs");
const run = spawnSync(process.execPath, [program, ...folders, "--output-type", "json"], {
  encoding: "utf8",
  maxBuffer: REPORT_BYTES_MAX,
  stdio: ["ignore", "pipe", "inherit"],
});
if (run.stdout === "") {
  console.error("dependency-cruiser gave no report");
  process.exit(1);
}

const { summary } = JSON.parse(run.stdout);
for (const { rule, from, to, cycle } of summary.violations) {
  const way = cycle === undefined ? to : cycle.map(({ name }) => name).join(" -> ");
  console.error(`${rule.severity} ${rule.name}: ${from} -> ${way}`);
}
console.log(`${summary.totalCruised} modules, ${summary.violations.length} violations`);
if (summary.totalCruised === 0) console.error("dependency-cruiser looked at no module");
process.exitCode = summary.totalCruised === 0 || summary.error > 0 ? 1 : 0;
