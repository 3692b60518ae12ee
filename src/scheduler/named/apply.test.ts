import fc from "fast-check";
import { expect, test } from "vitest";
import { SchedulerKit } from "../../../test/lib/scheduler-kit.ts";
import type { Effect } from "../effects.ts";
import type { Row } from "../rows.ts";
import { MissingRows, Transaction, UNKNOWN } from "../transaction.ts";
import type { Token } from "../unit.ts";
import { applyNamed } from "./apply.ts";
import type { NamedCommand, NamedInput } from "./commands.ts";
import { namedKeys, namedPrefixes, placeOfReadyKey } from "./keys.ts";
import type { NamedHolder, NamedRef, NamedState, NamedUnitRow } from "./rows.ts";

const SPEC = "crawl";
const NODE: NamedHolder = { kind: "node", node: "n1", executor: "e1" };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ref = (key: string): NamedRef => ({ spec: SPEC, key: bytes(key) });
const unit = (key: string, more: Partial<NamedInput> = {}): NamedInput => ({
  key: bytes(key),
  priority: 0,
  notBeforeMs: 0,
  data: bytes("d"),
  ...more,
});

class NamedKit extends SchedulerKit {
  add(...units: readonly NamedInput[]): void {
    this.run({ kind: "named-add", spec: SPEC, units });
  }

  /** Grants what is first; the tokens by key. */
  hold(count: number, holder: NamedHolder = NODE): ReadonlyMap<string, Token> {
    const first = this.scan(namedPrefixes.readyOf(SPEC)).slice(0, count);
    const units = first.map(([key]) => placeOfReadyKey(key));
    const said = this.said(() => this.run({ kind: "named-grant", units, holder }));
    const granted = new Map<string, Token>();
    for (const effect of said) {
      if (effect.kind !== "named-granted") continue;
      granted.set(new TextDecoder().decode(effect.ref.key), effect.token);
    }
    return granted;
  }

  say(key: string, token: Token, how: "finished" | "failed" | "released", data?: string): number {
    const ends = [{ ...ref(key), token, how, data: data === undefined ? undefined : bytes(data) }];
    const answer = this.run({ kind: "named-end", ends });
    return answer.kind === "changed" ? answer.count : -1;
  }

  /** Everything whose time has come. */
  due(): number {
    const keys = this.scan(namedPrefixes.due).map(([key]) => key);
    const answer = this.run({ kind: "named-due", keys });
    return answer.kind === "changed" ? answer.count : -1;
  }

  unit(key: string): NamedUnitRow | undefined {
    const row = this.rows.get(namedKeys.unit(ref(key)));
    return row?.kind === "named-unit" ? row : undefined;
  }

  counts(): Partial<Record<NamedState, number>> {
    const row = this.rows.get(namedKeys.counts(SPEC));
    if (row?.kind !== "named-counts") return {};
    const { kind: _, ...counts } = row;
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  }

  /** That the indexes and counts say what the units say. */
  check(): void {
    const wanted = new Map<string, string>();
    const counts: Partial<Record<NamedState, number>> = {};
    for (const [rowKey, row] of this.scan(namedPrefixes.unitsOf(SPEC))) {
      if (row.kind !== "named-unit") continue;
      const key = new Uint8Array(Buffer.from(rowKey.slice(rowKey.lastIndexOf("/") + 1), "hex"));
      const at = { spec: SPEC, key };
      const { stand } = row;
      counts[stand.kind] = (counts[stand.kind] ?? 0) + 1;
      if (stand.kind === "ready") wanted.set(namedKeys.ready(at, row.priority), "");
      else wanted.set(namedKeys.state(at, stand.kind), "");
      if (stand.kind === "waiting") wanted.set(namedKeys.due(at, stand.notBeforeMs), "");
      if (stand.kind === "held" && stand.holder.kind === "worker")
        wanted.set(namedKeys.due(at, stand.holder.deadlineMs), "");
    }
    const found = [...this.rows].filter(([, row]) => row.kind === "named-index");
    expect(found.map(([key]) => key).toSorted()).toEqual([...wanted.keys()].toSorted());
    expect(this.counts()).toEqual(counts);
  }
}

function kit(...units: readonly NamedInput[]): NamedKit {
  const made = new NamedKit();
  made.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
  made.add(...units);
  return made;
}

test("the highest priority is granted first, equal ones by the bytes of their keys", () => {
  const flow = kit(unit("b"), unit("a"), unit("z", { priority: 2.5 }), unit("y", { priority: -1 }));
  expect([...flow.hold(9).keys()]).toEqual(["z", "a", "b", "y"]);
  expect(flow.counts()).toEqual({ held: 4 });
});

test("a unit is not ready before its time, and is by the stamp that has reached it", () => {
  const flow = kit(unit("a", { notBeforeMs: 1_000_100 }));
  expect([flow.hold(1).size, flow.due(), flow.counts()]).toEqual([0, 0, { waiting: 1 }]);
  flow.stampMs = 1_000_100;
  expect(flow.due()).toBe(1);
  expect([...flow.hold(1).keys()]).toEqual(["a"]);
});

test("a holder ends its unit once, and keeps what it says of it", () => {
  const flow = kit(unit("a"));
  const token = flow.hold(1).get("a");
  expect(token).toBeDefined();
  if (token === undefined) return;
  expect(flow.say("a", token, "finished", "result")).toBe(1);
  expect(flow.unit("a")).toMatchObject({ stand: { kind: "finished" }, data: bytes("result") });
  expect(flow.say("a", token, "failed")).toBe(0);
});

test("a worker that missed its deadline cannot end the unit that another holds", () => {
  const flow = kit(unit("a"));
  const late = flow.hold(1, { kind: "worker", worker: "w1", deadlineMs: 1_000_050 }).get("a");
  flow.stampMs = 1_000_050;
  expect(flow.due()).toBe(1);
  const second = flow.hold(1).get("a");
  expect(flow.unit("a")?.grants).toBe(2);
  if (late === undefined || second === undefined) throw new Error("both were granted");
  expect(flow.say("a", late, "finished", "late")).toBe(0);
  expect(flow.say("a", second, "finished", "second")).toBe(1);
  expect(flow.unit("a")?.data).toEqual(bytes("second"));
});

test("a renewed deadline is the one that counts", () => {
  const flow = kit(unit("a"));
  const token = flow.hold(1, { kind: "worker", worker: "w1", deadlineMs: 1_000_050 }).get("a");
  if (token === undefined) throw new Error("it was granted");
  const renewal = { ...ref("a"), token, deadlineMs: 1_000_090, data: bytes("half") };
  flow.run({ kind: "named-renew", renewals: [renewal] });
  flow.stampMs = 1_000_060;
  expect([flow.due(), flow.unit("a")?.data]).toEqual([0, bytes("half")]);
  flow.stampMs = 1_000_090;
  expect(flow.due()).toBe(1);
});

test("what a lost node held is ready again, in its old place", () => {
  const flow = kit(unit("a", { priority: 1 }), unit("b"));
  const token = flow.hold(1).get("a");
  if (token === undefined) throw new Error("it was granted");
  flow.run({ kind: "named-take-back", held: [{ ...ref("a"), token }] });
  expect([...flow.hold(2).keys()]).toEqual(["a", "b"]);
});

test("a unit that is added again begins anew, and who held it has lost it", () => {
  const flow = kit(unit("a"));
  const token = flow.hold(1).get("a");
  flow.add(unit("a", { priority: 3, data: bytes("new") }));
  expect(flow.unit("a")).toMatchObject({ priority: 3, stand: { kind: "ready" }, grants: 0 });
  if (token === undefined) throw new Error("it was granted");
  expect(flow.say("a", token, "finished")).toBe(0);
});

test("keys of other rows, and of units that are gone, are no due keys", () => {
  const flow = kit(unit("a"));
  const keys = ["U/crawl/61", "D/", "D/x", "R/", "", namedKeys.due(ref("b"), 1)];
  expect(flow.run({ kind: "named-due", keys })).toEqual({ kind: "changed", count: 0 });
});

test("indexes and counts follow the units through any life", () => {
  const key = fc.constantFrom("a", "b", "c", "d");
  const act = fc.oneof(
    fc.record({ do: fc.constant("add"), key, priority: fc.nat(2), wait: fc.nat(20) }),
    fc.record({ do: fc.constant("grant"), count: fc.nat(3), lease: fc.nat(20) }),
    fc.record({ do: fc.constant("node"), count: fc.nat(3) }),
    fc.record({
      do: fc.constant("end"),
      key,
      how: fc.constantFrom("finished", "failed", "released"),
    }),
    fc.record({ do: fc.constant("renew"), key, lease: fc.nat(20) }),
    fc.record({ do: fc.constant("pass"), ms: fc.nat(20) }),
    fc.record({ do: fc.constant("remove"), key }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const flow = kit();
      const tokens = new Map<string, Token>();
      const lend = (granted: ReadonlyMap<string, Token>): void => {
        for (const [name, token] of granted) tokens.set(name, token);
      };
      for (const step of acts) {
        if ("wait" in step) {
          const { priority, wait } = step;
          flow.add(unit(step.key, { priority, notBeforeMs: flow.stampMs + wait }));
        } else if ("how" in step) {
          const token = tokens.get(step.key);
          if (token !== undefined) flow.say(step.key, token, step.how);
        } else if ("ms" in step) {
          flow.stampMs += step.ms;
          flow.due();
        } else if ("key" in step && "lease" in step) {
          const token = tokens.get(step.key);
          const deadlineMs = flow.stampMs + step.lease;
          const renewals = token && [{ ...ref(step.key), token, deadlineMs, data: undefined }];
          if (renewals !== undefined) flow.run({ kind: "named-renew", renewals });
        } else if ("lease" in step) {
          const deadlineMs = flow.stampMs + step.lease;
          lend(flow.hold(step.count, { kind: "worker", worker: "w", deadlineMs }));
        } else if ("count" in step) lend(flow.hold(step.count));
        else flow.run({ kind: "named-remove", units: [ref(step.key)] });
        flow.check();
      }
    }),
  );
});

test("a command about many units misses all their rows at once, whatever it does", () => {
  const kit = new NamedKit();
  const worker: NamedHolder = { kind: "worker", worker: "w", deadlineMs: 1 };
  const keys = Array.from({ length: 64 }, (_, at) => `k${at}`);
  const roundsOf = (command: NamedCommand): number => {
    const known = new Map<string, Row | undefined>();
    const view = { peek: (key: string) => (known.has(key) ? known.get(key) : UNKNOWN) };
    for (let rounds = 0; ; rounds++) {
      try {
        const tx = new Transaction<Row, Effect>(view);
        expect(applyNamed(tx, { index: 9, ordinal: 0, stampMs: kit.stampMs }, command)).toEqual({
          kind: "changed",
          count: keys.length,
        });
        return rounds;
      } catch (error) {
        if (!(error instanceof MissingRows)) throw error;
        for (const key of error.keys) known.set(key, kit.rows.get(key));
      }
    }
  };
  const units = keys.map((key) => unit(key));
  expect(roundsOf({ kind: "named-add", spec: SPEC, units })).toBe(1);
  kit.add(...units);
  expect(roundsOf({ kind: "named-grant", units: keys.map(ref), holder: worker })).toBe(1);
  const held = [...kit.hold(64, worker)].map(([key, token]) => ({ ...ref(key), token }));
  const ends = held.map((one) => ({ ...one, how: "finished" as const, data: undefined }));
  expect(roundsOf({ kind: "named-end", ends })).toBe(1);
  const renewals = held.map((one) => ({ ...one, deadlineMs: 5, data: undefined }));
  expect(roundsOf({ kind: "named-renew", renewals })).toBe(1);
  expect(roundsOf({ kind: "named-take-back", held })).toBe(1);
  expect(roundsOf({ kind: "named-remove", units: keys.map(ref) })).toBe(1);
  // The index first, which says whether there is anything to be done.
  const due = kit.scan(namedPrefixes.due).map(([key]) => key);
  expect(roundsOf({ kind: "named-due", keys: due })).toBe(2);
});
