/** Which limits of handlers there are, and who keeps a handler to them on this machine. */
import type { LimitEnforcer, LimitKind } from "../../wire/dataset.ts";

/** Who enforces each of them here. */
export type LimitReport = Readonly<Record<LimitKind, LimitEnforcer>>;

/** What control groups can limit. */
export type GroupController = "memory" | "cpu" | "pids";

/** A place below which groups with that controller can be made. */
export interface LimitBase {
  readonly version: "cgroup-v2" | "cgroup-v1";
  readonly directory: string;
}

/** Where groups are made that limit; without a place nothing here can. */
export type LimitBases = Readonly<Partial<Record<GroupController, LimitBase>>>;

/** How much of a node's rights a worker can be started without. */
export type Privileges = "dropped" | "no-new" | "all";

/** What was found out about a machine by trying. Plain, so that it can be handed to a thread. */
export interface Machine {
  readonly bases: LimitBases;
  /** Whether `prlimit` keeps files to a size. */
  readonly limitsFiles: boolean;
  readonly privileges: Privileges;
  /** Why there is no sandbox; undefined where it works. */
  readonly sandboxLacks: string | undefined;
}

/** A machine of which nothing is known: nothing is used. */
export const PLAIN_MACHINE: Machine = {
  bases: {},
  limitsFiles: false,
  privileges: "all",
  sandboxLacks: "nobody has tried it",
};

/** Who enforces what on a machine. */
export function reportOf({ bases, limitsFiles }: Machine): LimitReport {
  return {
    memory: bases.memory?.version ?? "looking",
    cpu: bases.cpu?.version ?? "none",
    pids: bases.pids?.version ?? "looking",
    disk: limitsFiles ? "rlimit" : "none",
    time: "node",
    silence: "node",
  };
}

/** Offered where the kernel enforces all that it can be asked to: `require: enforced` asks for it. */
export const ENFORCED_CAPABILITY = "limits.enforced";

/** Offered where a sandbox works: `sandbox: strict` asks for it. */
export const SANDBOX_CAPABILITY = "sandbox.strict";

/** What a node offers by what its machine can do, as capabilities. */
export function capabilitiesOf(machine: Machine): readonly string[] {
  const report = reportOf(machine);
  const kinds = ["memory", "cpu", "pids", "disk"] as const;
  const told = kinds
    .filter((kind) => report[kind] !== "none")
    .map((kind) => `limits.${kind}.${report[kind]}`);
  const isEnforced = kinds.every((kind) => isByKernel(report[kind]));
  return [
    ...(isEnforced ? [ENFORCED_CAPABILITY] : []),
    ...told,
    ...(machine.sandboxLacks === undefined ? [SANDBOX_CAPABILITY] : []),
  ];
}

function isByKernel(enforcer: LimitEnforcer): boolean {
  return enforcer === "cgroup-v2" || enforcer === "cgroup-v1" || enforcer === "rlimit";
}

/** What a machine lacks, in words for its owner's log; empty where nothing is. */
export function shortcomingsOf(machine: Machine): readonly string[] {
  const report = reportOf(machine);
  const words = {
    memory: "memory of handlers is only looked at, ten times a second",
    pids: "processes of handlers are only counted, ten times a second",
    cpu: "handlers cannot be kept to a part of the processors",
    disk: "files of handlers cannot be kept to a size",
  } as const;
  const kinds = ["memory", "pids", "cpu", "disk"] as const;
  const lacks = kinds.filter((kind) => !isByKernel(report[kind])).map((kind) => words[kind]);
  const rights = {
    dropped: [],
    "no-new": ["handlers keep the capabilities that this node has"],
    all: ["handlers can get rights by programs that give some"],
  } as const;
  const { sandboxLacks } = machine;
  const sandbox = sandboxLacks === undefined ? [] : [`no sandbox: ${sandboxLacks}`];
  return [...lacks, ...rights[machine.privileges], ...sandbox];
}
