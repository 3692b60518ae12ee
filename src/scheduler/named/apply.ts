/**
 * The life of a named unit: waiting, ready, held, finished or failed (R19). Every change goes through
 * `replace`, which keeps the indexes and the counts what the unit's row says.
 */
import { assert, unreachable } from "../../std/assert.ts";
import { type Position, rowOf, type WorkflowTransaction } from "../apply-kit.ts";
import type { Answer } from "../rows.ts";
import { readAll } from "../transaction.ts";
import type { NamedCommand, NamedEnd, NamedHeld, NamedInput, NamedRenewal } from "./commands.ts";
import { namedKeys, namedPrefixes, placeOfDueKey } from "./keys.ts";
import type {
  NamedCountsRow,
  NamedHolder,
  NamedIndexRow,
  NamedRef,
  NamedStand,
  NamedUnitRow,
} from "./rows.ts";

/** Applies one command of named units; the answer counts the units that it changed. @throws {MissingRows} */
export function applyNamed(tx: WorkflowTransaction, at: Position, command: NamedCommand): Answer {
  // All at once: missed one after the other they would be as many rounds of loading (R12).
  const refs = refsOf(tx, command);
  const specs = new Set(refs.map(({ spec }) => spec));
  readAll(tx, [...refs.map(namedKeys.unit), ...[...specs].map(namedKeys.counts)]);
  return { kind: "changed", count: changed(tx, at, command) };
}

/** The units that a command is about. @throws {MissingRows} */
function refsOf(tx: WorkflowTransaction, command: NamedCommand): readonly NamedRef[] {
  switch (command.kind) {
    case "named-add":
      return command.units.map(({ key }) => ({ spec: command.spec, key }));
    case "named-grant":
    case "named-remove":
      return command.units;
    case "named-end":
      return command.ends;
    case "named-renew":
      return command.renewals;
    case "named-due": {
      const keys = command.keys.filter((key) => key.startsWith(namedPrefixes.due));
      const rows = readAll(tx, keys);
      return keys.filter((_, at) => rows[at] !== undefined).map(placeOfDueKey);
    }
    case "named-take-back":
      return command.held;
    default:
      return unreachable(command);
  }
}

function changed(tx: WorkflowTransaction, at: Position, command: NamedCommand): number {
  switch (command.kind) {
    case "named-add":
      return countOf(command.units, (unit) => add(tx, at, { spec: command.spec, unit }));
    case "named-grant":
      return countOf(command.units, (ref, place) => {
        const token = { index: at.index, ordinal: at.ordinal + place };
        return grant(tx, ref, { kind: "held", token, holder: command.holder });
      });
    case "named-end":
      return countOf(command.ends, (end) => finish(tx, at, end));
    case "named-renew":
      return countOf(command.renewals, (renewal) => renew(tx, renewal));
    case "named-due":
      return countOf(command.keys, (key) => due(tx, at, key));
    case "named-take-back":
      return countOf(command.held, (held) => takeBack(tx, held));
    case "named-remove":
      return countOf(command.units, (ref) => remove(tx, ref));
    default:
      return unreachable(command);
  }
}

function countOf<T>(items: readonly T[], change: (item: T, place: number) => boolean): number {
  let count = 0;
  for (const [place, item] of items.entries()) if (change(item, place)) count += 1;
  return count;
}

function add(
  tx: WorkflowTransaction,
  at: Position,
  { spec, unit }: { readonly spec: string; readonly unit: NamedInput },
): boolean {
  const { key, priority, notBeforeMs, data } = unit;
  const ref = { spec, key };
  const stand: NamedStand =
    notBeforeMs > at.stampMs ? { kind: "waiting", notBeforeMs } : { kind: "ready" };
  const row: NamedUnitRow = { kind: "named-unit", priority, stand, data, grants: 0 };
  replace(tx, ref, { before: unitOf(tx, ref), after: row });
  return true;
}

function grant(
  tx: WorkflowTransaction,
  ref: NamedRef,
  stand: Extract<NamedStand, { kind: "held" }>,
): boolean {
  const before = unitOf(tx, ref);
  if (before?.stand.kind !== "ready") return false;
  replace(tx, ref, { before, after: { ...before, stand, grants: before.grants + 1 } });
  tx.emit({ kind: "named-granted", ref, token: stand.token, holder: stand.holder });
  return true;
}

function finish(tx: WorkflowTransaction, at: Position, end: NamedEnd): boolean {
  const before = heldBy(tx, end);
  if (before === undefined) return false;
  const stand: NamedStand =
    end.how === "released" ? { kind: "ready" } : { kind: end.how, endedMs: at.stampMs };
  replace(tx, end, { before, after: { ...before, stand, data: end.data ?? before.data } });
  return true;
}

function renew(tx: WorkflowTransaction, renewal: NamedRenewal): boolean {
  const before = heldBy(tx, renewal);
  if (before === undefined) return false;
  const { stand } = before;
  assert(stand.kind === "held", "who has the token holds the unit");
  if (stand.holder.kind !== "worker") return false;
  const holder: NamedHolder = { ...stand.holder, deadlineMs: renewal.deadlineMs };
  const after = { ...before, stand: { ...stand, holder }, data: renewal.data ?? before.data };
  replace(tx, renewal, { before, after });
  return true;
}

/** Something may have happened to the unit since the leader looked: then it has another place in the index. */
function due(tx: WorkflowTransaction, at: Position, key: string): boolean {
  if (!key.startsWith(namedPrefixes.due)) return false;
  if (rowOf(tx, "named-index", key) === undefined) return false;
  const { dueMs, ...ref } = placeOfDueKey(key);
  if (dueMs > at.stampMs) return false;
  const before = unitOf(tx, ref);
  assert(before !== undefined, "what is in an index is there");
  replace(tx, ref, { before, after: { ...before, stand: { kind: "ready" } } });
  return true;
}

function takeBack(tx: WorkflowTransaction, held: NamedHeld): boolean {
  const before = heldBy(tx, held);
  if (before === undefined) return false;
  replace(tx, held, { before, after: { ...before, stand: { kind: "ready" } } });
  return true;
}

function remove(tx: WorkflowTransaction, ref: NamedRef): boolean {
  const before = unitOf(tx, ref);
  if (before === undefined) return false;
  replace(tx, ref, { before, after: undefined });
  return true;
}

function unitOf(tx: WorkflowTransaction, ref: NamedRef): NamedUnitRow | undefined {
  return rowOf(tx, "named-unit", namedKeys.unit(ref));
}

/** The unit, if the token is the one under which it is held (R16). */
function heldBy(tx: WorkflowTransaction, held: NamedHeld): NamedUnitRow | undefined {
  const row = unitOf(tx, held);
  if (row?.stand.kind !== "held") return undefined;
  const { index, ordinal } = row.stand.token;
  return index === held.token.index && ordinal === held.token.ordinal ? row : undefined;
}

/** When something happens to the unit by itself. */
function dueMsOf(stand: NamedStand): number | undefined {
  if (stand.kind === "waiting") return stand.notBeforeMs;
  if (stand.kind === "held" && stand.holder.kind === "worker") return stand.holder.deadlineMs;
  return undefined;
}

/** The only writer of rows of named units. */
function replace(
  tx: WorkflowTransaction,
  { spec, key }: NamedRef,
  rows: {
    readonly before: NamedUnitRow | undefined;
    readonly after: NamedUnitRow | undefined;
  },
): void {
  const ref = { spec, key };
  const { before, after } = rows;
  if (before !== undefined) unindex(tx, ref, before);
  if (after === undefined) tx.delete(namedKeys.unit(ref));
  else {
    tx.put(namedKeys.unit(ref), after);
    index(tx, ref, after);
  }
  if (before?.stand.kind !== after?.stand.kind) count(tx, spec, rows);
}

function unindex(tx: WorkflowTransaction, ref: NamedRef, row: NamedUnitRow): void {
  const { stand, priority } = row;
  if (stand.kind === "ready") {
    const key = namedKeys.ready(ref, priority);
    tx.delete(key);
    tx.emit({ kind: "named-unready", key });
  } else tx.delete(namedKeys.state(ref, stand.kind));
  const dueMs = dueMsOf(stand);
  if (dueMs === undefined) return;
  const key = namedKeys.due(ref, dueMs);
  tx.delete(key);
  tx.emit({ kind: "named-undue", key });
}

const INDEX: NamedIndexRow = { kind: "named-index" };

/** A unit is nowhere in an index but where its row says, so what is put there now was not there. */
function index(tx: WorkflowTransaction, ref: NamedRef, row: NamedUnitRow): void {
  const { stand, priority } = row;
  if (stand.kind === "ready") {
    const key = namedKeys.ready(ref, priority);
    tx.insert(key, INDEX);
    tx.emit({ kind: "named-ready", key });
  } else tx.insert(namedKeys.state(ref, stand.kind), INDEX);
  const dueMs = dueMsOf(stand);
  if (dueMs === undefined) return;
  const key = namedKeys.due(ref, dueMs);
  tx.insert(key, INDEX);
  tx.emit({ kind: "named-due", key, dueMs });
}

const NONE: NamedCountsRow = {
  kind: "named-counts",
  waiting: 0,
  ready: 0,
  held: 0,
  finished: 0,
  failed: 0,
};

function count(
  tx: WorkflowTransaction,
  spec: string,
  { before, after }: Parameters<typeof replace>[2],
): void {
  const key = namedKeys.counts(spec);
  const counts = { ...(rowOf(tx, "named-counts", key) ?? NONE) };
  if (before !== undefined) counts[before.stand.kind] -= 1;
  if (after !== undefined) counts[after.stand.kind] += 1;
  const { waiting, ready, held, finished, failed } = counts;
  assert(Math.min(waiting, ready, held, finished, failed) >= 0, "no unit leaves that has not come");
  if (waiting + ready + held + finished + failed === 0) tx.delete(key);
  else tx.put(key, counts);
}
