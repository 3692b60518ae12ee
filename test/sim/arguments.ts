/** The command line of the simulator. */
import { parseArgs } from "node:util";
import { PLANTED_BUGS, type PlantedBug, type PlantedBugs } from "../../src/std/planted-bugs.ts";

export interface SimArguments {
  readonly seed: number;
  readonly runs: number;
  /** Go on with further seeds for so long; undefined: exactly `runs`. */
  readonly minutes: number | undefined;
  readonly bugs: PlantedBugs;
  readonly watchesDisks: boolean;
  readonly trace: boolean;
  /** Ends with the first seed that fails. */
  readonly first: boolean;
  readonly processes: number;
}

export const USAGE = `npm run sim -- [--seed N] [--runs N] [--minutes M] [--bug NAME] [--first] [--no-disk-watch] [--trace] [--processes N]
  --seed       the first seed (drawn from the clock without it)
  --runs       how many seeds, one after the other (1)
  --minutes    goes on with further seeds for so long
  --bug        plants a bug that must be found, one of these; may be given several times:
${bugLines()}
  --first      ends with the first seed that fails
  --no-disk-watch  does not compare commits with the disks at once
  --trace      prints everything that happens
  --processes  seeds at once, each in a process of its own (1)`;

/** @throws {TypeError} for what it does not know. */
export function readArguments(args: readonly string[], drawnSeed: number): SimArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      runs: { type: "string" },
      minutes: { type: "string" },
      bug: { type: "string", multiple: true },
      first: { type: "boolean" },
      "no-disk-watch": { type: "boolean" },
      trace: { type: "boolean" },
      processes: { type: "string" },
    },
  });
  return {
    seed: whole("seed", values.seed) ?? drawnSeed,
    runs: whole("runs", values.runs) ?? (values.minutes === undefined ? 1 : Infinity),
    minutes: values.minutes === undefined ? undefined : Number(values.minutes),
    bugs: Object.fromEntries((values.bug ?? []).map((name) => [bugNamed(name), true])),
    watchesDisks: values["no-disk-watch"] !== true,
    trace: values.trace === true,
    first: values.first === true,
    processes: whole("processes", values.processes) ?? 1,
  };
}

function bugNamed(name: string): PlantedBug {
  const found = bugNames().find((one) => one === name);
  if (found === undefined) throw new TypeError(`no such bug: ${name}`);
  return found;
}

function bugNames(): readonly PlantedBug[] {
  return Object.keys(PLANTED_BUGS).filter((name): name is PlantedBug =>
    Object.hasOwn(PLANTED_BUGS, name),
  );
}

function bugLines(): string {
  return bugNames()
    .map((name) => `                 ${name}: ${PLANTED_BUGS[name]}`)
    .join("\n");
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`--${name} is no whole number`);
  return value;
}
