/** Why a request is where it is, told in one sentence from the rows that its work lies in. Pure. */
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
}

/** A node that is up. */
export interface NodeOffer {
  readonly capabilities: readonly string[];
  readonly slots: number;
}

/** One sentence, with a full stop. */
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
      if (parts.length === 0) return `Its next step is just being decided${lastBadText(seen)}.`;
      const [first = "", ...rest] = parts;
      const text = [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join("; ");
      return `${text}${lastBadText(seen)}.`;
    }
  }
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
  return `; the last attempt that ${bad} was granted to ${nodeName} at ${granted}, ${ran}${worker}`;
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
  return parts;
}

function waitText(capability: string, nodes: readonly NodeOffer[]): string {
  const able =
    capability === "none"
      ? nodes
      : nodes.filter(({ capabilities }) => capabilities.includes(capability));
  const slots = able.reduce((sum, node) => sum + node.slots, 0);
  if (able.length === 0) return `for the capability ${capability}, which no node that is up offers`;
  if (slots === 0) return "for a slot, and no node that is up and able has one";
  const of = capability === "none" ? "" : ` on a node with the capability ${capability}`;
  return `for a free slot${of} (${slots} in all)`;
}

function units(count: number): string {
  return count === 1 ? "1 unit" : `${count} units`;
}
