/** The command line of `npm run chaos`. */
import { parseArgs } from "node:util";

/** What may be done to nodes while requests run. */
export const FAULTS = {
  kill: "SIGKILL, started again after 0 to 4 s",
  pause: "SIGSTOP for 0.5 to 8 s",
  partition: "nodes on networks of their own that are cut for 2 to 8 s (needs root and iproute2)",
  roll: "SIGTERM, started again; then all nodes one after the other, with times",
  restart: "one node by SIGKILL and at once again, with times",
  stall: "one node by SIGSTOP for 2 s: it must keep what it leads",
} as const;

/** Name of a fault. */
export type Fault = keyof typeof FAULTS;

/** How a run is to be. */
export interface ChaosOptions {
  readonly seed: number;
  /** Of faults that come at random; what is measured afterwards comes on top. */
  readonly stormMs: number;
  readonly nodes: number;
  readonly faults: readonly Fault[];
  /** Rounds of `restart` and of `stall`. */
  readonly rounds: number;
  /** Requests that are open at once: the load's bound. */
  readonly clients: number;
}

/** The same, with how it is told. */
export interface ChaosArguments extends ChaosOptions {
  readonly json: boolean;
}

/** What is done unless told otherwise: all that needs no rights. */
const FAULTS_DEFAULT = "kill,pause,roll,restart,stall";

/** Below three nodes a group has one voter, and nothing can be killed; beyond nine no machine of ours. */
const NODES_MIN = 3;
const NODES_MAX = 9;

/** Enough to keep two slots of each of five nodes busy. */
export const CLIENTS_DEFAULT = 16;

export const USAGE = `npm run chaos -- [--seed N] [--minutes M] [--nodes N] [--faults F,...] [--rounds N] [--clients N] [--json]
  --seed     what is drawn (from the clock without it)
  --minutes  of faults that come at random (1); what is measured comes on top
  --nodes    ${NODES_MIN} to ${NODES_MAX} (5)
  --faults   some of these (${FAULTS_DEFAULT}):
${Object.entries(FAULTS)
  .map(([name, what]) => `               ${name}: ${what}`)
  .join("\n")}
  --rounds   of restart and of stall (3)
  --clients  that submit as fast as requests end (${CLIENTS_DEFAULT}); 1 leaves the machine room
  --json     prints the summary as JSON; progress goes to standard error`;

/** @throws {TypeError} for what it does not know. */
export function readArguments(args: readonly string[], drawnSeed: number): ChaosArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      minutes: { type: "string" },
      nodes: { type: "string" },
      faults: { type: "string" },
      rounds: { type: "string" },
      clients: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const minutes = Number(values.minutes ?? 1);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new TypeError("--minutes is no such time");
  return {
    seed: whole("seed", values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER }) ?? drawnSeed,
    stormMs: minutes * 60_000,
    nodes: whole("nodes", values.nodes, { min: NODES_MIN, max: NODES_MAX }) ?? 5,
    faults: (values.faults ?? FAULTS_DEFAULT).split(",").map(faultNamed),
    rounds: whole("rounds", values.rounds, { min: 1, max: 100 }) ?? 3,
    clients: whole("clients", values.clients, { min: 1, max: 256 }) ?? CLIENTS_DEFAULT,
    json: values.json === true,
  };
}

function faultNamed(text: string): Fault {
  for (const name of ["kill", "pause", "partition", "roll", "restart", "stall"] as const)
    if (name === text) return name;
  throw new TypeError(`there is no fault '${text}'`);
}

function whole(
  name: string,
  text: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new TypeError(`--${name} is no whole number from ${min} to ${max}`);
  return value;
}
