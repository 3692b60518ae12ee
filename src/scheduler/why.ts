/** Why a request is where it is, told in one sentence from the rows that its work lies in. Pure. */
import { offers } from "../workflow/required-capability.ts";
import type { HistoryRow, RequestRow } from "./rows.ts";
import type { WorkerExit } from "./work.ts";

/** What is known of a request's work. Counts may be those of the first rows only. */
export interface WorkSeen {
  /** Names of nodes, one for each unit that they have: whether it runs there yet is not known here. */
  readonly granted: readonly string[];
  /** Ready units by what they require. */
  readonly ready: ReadonlyMap<string, number>;
  /** When the units that wait to be tried again are due. */
  readonly delayedMs: readonly number[];
  /** Attempts of units that are not done yet which their executors gave back, by the reason. */
  readonly givenBack: { readonly count: number; readonly lastReason: string } | undefined;
  /** The newest attempt that failed or was lost, else one that was given back; and its node's name. */
  readonly lastBad: { readonly row: HistoryRow; readonly nodeName: string } | undefined;
  /** So many rows of work were looked at, and the workflow has more; undefined when all were. */
  readonly lookedAt: number | undefined;
}

/** A member of the cluster, with what it would do if it takes work: only who is `up` does. */
export interface NodeOffer {
  readonly name: string;
  readonly state: "up" | "down" | "drained" | "removing" | "removed";
  readonly capabilities: readonly string[];
  readonly slots: number;
}

/** Nodes that take no work are named up to so many: it is to stay a sentence. */
const NAMED_NODES_MAX = 5;

/** One sentence, with a full stop. `nodes` are all members of the cluster. */
export function whyText(request: RequestRow, seen: WorkSeen, nodes: readonly NodeOffer[]): string {
  const { failure } = request;
  switch (request.state) {
    case "succeeded":
      return "It has succeeded.";
    case "cancelled":
      return "Somebody has cancelled it.";
    case "failed":
      return `It has failed: ${failureText(failure?.error)}${lastBadText(seen)}.`;
    case "paused":
      return `It is paused until somebody resumes it, since a unit has failed: ${failureText(failure?.error)}${lastBadText(seen)}.`;
    case "queued":
    case "running": {
      const parts = workParts(seen, nodes);
      if (parts.length === 0) return `${undecidedText(seen)}${lastBadText(seen)}.`;
      const [first = "", ...rest] = parts;
      const text = [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join("; ");
      return `${text}${lastBadText(seen)}.`;
    }
  }
}

function undecidedText({ lookedAt }: WorkSeen): string {
  if (lookedAt === undefined) return "Its next step is just being decided";
  return `It has nothing among the first ${lookedAt} rows of its workflow's work: it waits behind them, or its next step is just being decided`;
}

function failureText(
  error: { readonly code: string; readonly message: string } | undefined,
): string {
  if (error === undefined) return "nobody knows why";
  return `${line(error.message)} (${error.code})`;
}

/** When and where the newest bad end was, and what became of its worker. */
function lastBadText({ lastBad }: WorkSeen): string {
  if (lastBad === undefined) return "";
  const { row, nodeName } = lastBad;
  const { grantedMs, startedMs, endedMs, exit } = row;
  const [granted = "", ended = ""] = [grantedMs, endedMs].map(timeText);
  const ran =
    startedMs === undefined
      ? `${HOW[row.how]} at ${ended}, and when it began is not known`
      : `ran from ${timeText(startedMs)} to ${ended} and ${HOW[row.how]}`;
  const worker = exit === undefined ? "" : `, and its worker ended ${exitText(exit)}`;
  const bad = row.how === "released" ? "did not end well" : "failed or was lost";
  return `; the last attempt that ${bad} was granted to ${nodeName} at ${granted}, ${ran}${worker}${heldText(row)}`;
}

/** Who kept its handlers to what, where that was told. */
function heldText({ limits = [] }: Pick<HistoryRow, "limits">): string {
  if (limits.length === 0) return "";
  const each = limits.map(({ kind, by }) => `${kind} by ${by === "none" ? "nobody" : by}`);
  return `; its limits were kept: ${each.join(", ")}`;
}

const HOW: Readonly<Record<HistoryRow["how"], string>> = {
  done: "ended well",
  failed: "failed",
  lost: "was lost",
  released: "was given back",
};

function exitText(exit: WorkerExit): string {
  return exit.kind === "code" ? `with code ${exit.code}` : `by signal ${exit.signal}`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** As much of a message as fits a sentence. */
function line(message: string): string {
  const [first = ""] = message.split("\n");
  return first.slice(0, 400).replace(/\.$/u, "");
}

function workParts(seen: WorkSeen, nodes: readonly NodeOffer[]): readonly string[] {
  const parts: string[] = [];
  if (seen.granted.length > 0) {
    const names = [...new Set(seen.granted)].sort();
    const is = seen.granted.length === 1 ? "is" : "are";
    parts.push(`${units(seen.granted.length)} ${is} granted to ${names.join(", ")}`);
  }
  for (const [capability, count] of seen.ready) {
    parts.push(`${units(count)} ${count === 1 ? "waits" : "wait"} ${waitText(capability, nodes)}`);
  }
  const [first] = [...seen.delayedMs].sort((a, b) => a - b);
  if (first !== undefined) {
    const again = `to be tried again, the first at ${timeText(first)}`;
    parts.push(`${units(seen.delayedMs.length)} that did not end well wait ${again}`);
  }
  if (seen.givenBack !== undefined) {
    const { count, lastReason } = seen.givenBack;
    const times = count === 1 ? "once" : `${count} times`;
    parts.push(`such units were given back ${times}, the last time since ${line(lastReason)}`);
  }
  if (parts.length > 0 && seen.lookedAt !== undefined) {
    const rows = `the first ${seen.lookedAt} rows of its workflow's work`;
    parts.push(`more of its units may wait behind ${rows}, which are all that was looked at`);
  }
  return parts;
}

function waitText(capability: string, nodes: readonly NodeOffer[]): string {
  const isAny = capability === "none";
  const able = nodes.filter(({ capabilities }) => offers(capabilities, capability));
  const takers = able.filter(({ state }) => state === "up");
  const slots = takers.reduce((sum, node) => sum + node.slots, 0);
  const others = othersText(able.filter(({ state }) => state !== "up"));
  const aside = others === "" ? "" : ` (${others})`;
  if (takers.length === 0 && !isAny) {
    return `for the capability ${capability}, which no node that takes work offers${aside}`;
  }
  if (slots === 0) return `for a slot, and no node that takes work and is able has one${aside}`;
  const of = isAny ? "" : ` on a node with the capability ${capability}`;
  return `for a free slot${of} (${slots} in all${others === "" ? "" : `; ${others}`})`;
}

const STATES: Readonly<Record<NodeOffer["state"], string>> = {
  up: "is up",
  down: "is down",
  drained: "is drained",
  removing: "is being removed",
  removed: "was removed",
};

/** Nodes that would be able and take no work. */
function othersText(nodes: readonly NodeOffer[]): string {
  const named = nodes
    .slice(0, NAMED_NODES_MAX)
    .map(({ name, state }) => `${name} ${STATES[state]}`);
  const rest = nodes.length - named.length;
  return [...named, ...(rest > 0 ? [`${rest} more take no work`] : [])].join(", ");
}

function units(count: number): string {
  return count === 1 ? "1 unit" : `${count} units`;
}
