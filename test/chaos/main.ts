/** `npm run chaos`: real processes, faults from a seed, closing checks; exits with 1 when one fails. */
import { networkProblem } from "../lib/e2e-network.ts";
import { type ChaosArguments, readArguments, USAGE } from "./arguments.ts";
import { runChaos } from "./chaos.ts";
import { reportText } from "./report-text.ts";

async function main(): Promise<number> {
  let asked: ChaosArguments;
  try {
    asked = readArguments(process.argv.slice(2), Math.floor(Date.now() % 1_000_000_000));
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    console.log(USAGE);
    return 2;
  }
  const say = asked.json ? console.error : console.log;
  let { faults } = asked;
  const problem = faults.includes("partition") ? networkProblem() : undefined;
  if (problem !== undefined) {
    say(`skipped partition: ${problem}`);
    faults = faults.filter((one) => one !== "partition");
    if (faults.length === 0) return 0;
  }
  const report = await runChaos({ ...asked, faults }, say);
  console.log(asked.json ? JSON.stringify(report) : reportText(report));
  return report.failures.length === 0 ? 0 : 1;
}

// SIGINT ends this process by its exit, which takes the nodes along.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
