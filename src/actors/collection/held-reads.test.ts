import { expect, test } from "vitest";
import { FakeTimers } from "../../../test/lib/fake-timers.ts";
import { file, TreeKit } from "../../../test/lib/tree-kit.ts";
import type { Row } from "../../scheduler/rows.ts";
import { listingRange } from "../../scheduler/tree/reads.ts";
import { ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { seededRandom } from "../../std/random.ts";
import type { CallAnswer } from "../ports.ts";
import { HeldReads } from "./held-reads.ts";
import type { CapturedRows, HeldRowsCall } from "./report.ts";

/** A leader of group 7 above a tree in memory, and how many moments it holds open. */
function leader() {
  const timers = new FakeTimers();
  const kit = TreeKit.withPin();
  const leads: { leadingTerm: number | undefined } = { leadingTerm: 1 };
  const replica = Object.assign(leads, {
    leaderNode: "n2",
    appliedIndex: 5,
    core: { status: () => ({ lastIndex: 5 }) },
    linearize: () => Promise.resolve(),
  });
  const held = { open: 0 };
  const captureRows = (): Promise<CapturedRows> => {
    const rows = new Map<string, Row>(kit.rows);
    held.open += 1;
    return Promise.resolve({
      scan: ({ gte, lt, limit }) => {
        const within = [...rows].filter(([key]) => key >= gte && key < lt);
        const all = within.sort(([a], [b]) => (a < b ? -1 : 1));
        return Promise.resolve({ rows: all.slice(0, limit), more: all.length > limit });
      },
      close: () => {
        held.open -= 1;
        return Promise.resolve();
      },
    });
  };
  const reads = new HeldReads({
    ...{ clock: timers, timers, random: seededRandom(1), states: { captureRows } },
    workflow: (group) => (group === 7 ? { replica } : undefined),
  });
  const ask = (more: Partial<HeldRowsCall>): Promise<CallAnswer> =>
    reads.serve({
      ...{ kind: "held-rows", group: 7, moment: 0, keys: [], scan: undefined, done: false },
      ...more,
    });
  return { timers, kit, replica, held, ask };
}

/** The moment of an answer. */
function momentOf(answer: CallAnswer): number {
  if (answer.kind !== "held-rows") throw new Error(`answered with ${answer.kind}`);
  return answer.moment;
}

test("rows are those of the moment, page by page, however they change", async () => {
  const { kit, ask, held } = leader();
  for (const name of ["a", "b", "c"]) kit.commit([file(name, 1)]);
  const moment = momentOf(await ask({}));
  kit.unlink("b");
  kit.commit([file("d", 1)]);
  const range = listingRange(ROOT_INODE, undefined);
  const page = await ask({ moment, scan: { ...range, limit: 2 } });
  expect(page).toMatchObject({
    scanned: [{ row: { inode: 2 } }, { row: { inode: 3 } }],
    more: true,
  });
  const key = `Fe/a${ROOT_INODE}/b`;
  expect(await ask({ moment, keys: [key, "Fe/none"] })).toMatchObject({
    values: [{ kind: "fs-entry", inode: 3 }, undefined],
  });
  await ask({ moment, done: true });
  expect(held.open).toBe(0);
  await expect(ask({ moment, keys: [key] })).rejects.toMatchObject({ code: "COLLECTION_GONE" });
});

test("few moments are held at once, and one that nobody asks for half a minute is let go of", async () => {
  const { timers, ask, held } = leader();
  const moments = [];
  for (let count = 0; count < 4; count += 1) moments.push(momentOf(await ask({})));
  await expect(ask({})).rejects.toMatchObject({ code: "COLLECTION_BUSY" });
  await timers.advance(20_000);
  await ask({ moment: moments[0] ?? 0 });
  await timers.advance(25_000);
  expect(held.open).toBe(1);
  await timers.advance(60_000);
  expect(held.open).toBe(0);
});

test("who does not lead says who does, and what the log has is waited for", async () => {
  const { timers, replica, ask } = leader();
  replica.leadingTerm = undefined;
  expect(await ask({})).toEqual({ kind: "not-scheduler", leader: "n2" });
  expect(await ask({ group: 8 })).toEqual({ kind: "not-scheduler", leader: undefined });
  replica.leadingTerm = 1;
  replica.appliedIndex = 4;
  const waiting = expect(ask({})).rejects.toMatchObject({ code: "COLLECTION_GONE" });
  await timers.advance(4_000);
  await waiting;
  const later = ask({});
  await timers.advance(100);
  replica.appliedIndex = 5;
  await timers.advance(100);
  expect(momentOf(await later)).toBeGreaterThan(0);
});
