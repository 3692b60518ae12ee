import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { type Command, RETENTION_KEYS_MAX } from "../scheduler/commands.ts";
import { keys, prefixes, prefixesUnder } from "../scheduler/keys.ts";
import type { Retention, Row } from "../scheduler/rows.ts";
import { HASH64_ZERO } from "../std/hash64.ts";
import { silentLog } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import type { StatePort } from "./ports.ts";
import { RetentionKeeper } from "./retention.ts";

const DAY_MS = 24 * 3_600_000;

/** A keeper above a state machine in memory. */
function keeper(policy: Retention) {
  const timers = new FakeTimers();
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  kit.stampMs = timers.wallMs();
  const proposed: Command[] = [];
  const state: StatePort<Row> = {
    appliedIndex: 0,
    hash: () => Promise.resolve(HASH64_ZERO),
    membership: undefined,
    peek: (key) => kit.rows.get(key),
    read: (wanted) => Promise.resolve(wanted.map((key) => kit.rows.get(key))),
    scan: ({ gte, lt, limit }) => {
      const within = [...kit.rows].filter(([key]) => key >= gte && key < lt);
      const all = within.sort(([a], [b]) => (a < b ? -1 : 1));
      return Promise.resolve({ rows: all.slice(0, limit), more: all.length > limit });
    },
    write: () => Promise.reject(new Error("only the applier writes")),
  };
  const deps = {
    timers,
    wall: timers,
    log: silentLog,
    state: () => state,
    propose: (command: Command) => {
      proposed.push(command);
      kit.stampMs = timers.wallMs();
      return Promise.resolve(kit.run(command));
    },
    policy,
    bugs: NO_BUGS,
  };
  return { timers, kit, proposed, retention: new RetentionKeeper(deps) };
}

/** A request that ends now, with so many children. */
function endedNow(kit: SchedulerKit, timers: FakeTimers, children: number): number {
  kit.stampMs = timers.wallMs();
  const request = kit.submit();
  kit.next(mapped("low", children));
  kit.finish(({ work }) =>
    reduced(...Array.from({ length: work?.parts ?? 1 }, () => textData("part", 300))),
  );
  return request;
}

const rowsUnder = (kit: SchedulerKit, request: number): number =>
  prefixesUnder(request).reduce((sum, prefix) => sum + kit.scan(prefix).length, 0);

test("a request goes when it is too old, with all its rows, in slices; a younger one stays", async () => {
  const { timers, kit, proposed, retention } = keeper({ ageMs: DAY_MS, bytes: 1e9 });
  const old = endedNow(kit, timers, 2 * RETENTION_KEYS_MAX);
  await timers.advance(DAY_MS / 2);
  const young = endedNow(kit, timers, 3);
  const kept = kit.rows.size;
  retention.start();
  await timers.advance(DAY_MS / 2 - 60_000);
  expect([kit.rows.has(keys.request(old)), proposed]).toEqual([true, []]);
  await timers.advance(120_000);
  expect(kit.rows.has(keys.request(old))).toBe(false);
  expect(rowsUnder(kit, old)).toBe(0);
  expect(kit.scan(prefixes.removals)).toEqual([]);
  expect(kit.rows.has(keys.request(young))).toBe(true);
  expect(kit.rows.size).toBeLessThan(kept);
  const slices = proposed.flatMap((one) => (one.kind === "remove-rows" ? [one.keys.length] : []));
  expect(slices.length).toBeGreaterThan(2);
  expect(Math.max(...slices)).toBe(RETENTION_KEYS_MAX);
  retention.stop();
  expect(timers.count).toBe(0);
});

test("the oldest go until the rest is no more than the bytes", async () => {
  const { timers, kit, retention } = keeper({ ageMs: 1e12, bytes: 10_000 });
  const requests: number[] = [];
  for (let count = 0; count < 8; count++) {
    requests.push(endedNow(kit, timers, 5));
    await timers.advance(1000);
  }
  const sizes = kit.scan(prefixes.ended).map(([, row]) => (row.kind === "ended" ? row.bytes : 0));
  const fitting = Math.floor(10_000 / (sizes[0] ?? 1));
  expect(fitting).toBeGreaterThan(1);
  retention.start();
  await timers.advance(5_000);
  const there = requests.filter((request) => kit.rows.has(keys.request(request)));
  expect(there).toEqual(requests.slice(-fitting));
  retention.stop();
});

test("what the workflow says counts before what the node says", async () => {
  const { timers, kit, retention } = keeper({ ageMs: 1e12, bytes: 1e12 });
  const request = endedNow(kit, timers, 1);
  const meta = kit.rows.get("m/");
  if (meta?.kind === "meta") kit.rows.set("m/", { ...meta, retention: { ageMs: 1e12, bytes: 0 } });
  retention.start();
  await timers.advance(1_000);
  expect(kit.rows.has(keys.request(request))).toBe(false);
  retention.stop();
});

test("a removal that a leader left half done is gone on with by the next", async () => {
  const { timers, kit, retention } = keeper({ ageMs: 1e12, bytes: 1e12 });
  const request = endedNow(kit, timers, RETENTION_KEYS_MAX);
  kit.run({ kind: "remove", request, expired: false });
  expect(rowsUnder(kit, request)).toBeGreaterThan(0);
  retention.start();
  await timers.advance(1_000);
  expect([rowsUnder(kit, request), kit.scan(prefixes.removals)]).toEqual([0, []]);
  retention.stop();
});

test("clients' keys are forgotten after a day, not before", async () => {
  const { timers, kit, retention } = keeper({ ageMs: 1e12, bytes: 1e12 });
  const id = { kind: "key", key: "nightly", bodyHash: "h" } as const;
  const submit = { kind: "submit", job: "job", arguments: [], keep: undefined } as const;
  kit.apply([{ id, command: submit }]);
  retention.start();
  await timers.advance(DAY_MS - 60_000);
  expect(kit.rows.has(keys.keyed("nightly"))).toBe(true);
  await timers.advance(120_000);
  expect(kit.rows.has(keys.keyed("nightly"))).toBe(false);
  expect(kit.scan(prefixes.expiries)).toEqual([]);
  retention.stop();
});
