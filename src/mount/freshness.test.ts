import { expect, test } from "vitest";
import { Freshness } from "./freshness.ts";
import { CHANGES_MAX } from "./heard-changes.ts";

const TIMEOUTS = { entryMs: 1_000, attributesMs: 500 };
const NONE = { entryMs: 0, attributesMs: 0 };
const F = { parent: 1, name: "f" };

/** Of a volume that answers for what it says for so long. */
function freshness(trusted: { ms: number } = { ms: 3_000 }): Freshness {
  return new Freshness({ trustedMs: () => trusted.ms }, TIMEOUTS);
}

test("the kernel may go by what nobody changes unheard", () => {
  const fresh = freshness();
  expect(fresh.timeouts(fresh.look(), 7, F)).toEqual(TIMEOUTS);
});

test("what was asked before the volume answered for it, or is told after that, has no time", () => {
  const trusted = { ms: 0 };
  const fresh = freshness(trusted);
  const early = fresh.look();
  trusted.ms = 3_000;
  expect(fresh.timeouts(early, 7, F)).toEqual(NONE);
  const look = fresh.look();
  trusted.ms = 1_199;
  expect(fresh.timeouts(look, 7, F)).toEqual(NONE);
});

test("what others changed while it was asked for has no time, and what is asked for later has", () => {
  const fresh = freshness();
  const look = fresh.look();
  fresh.heard({ kind: "entry", ...F });
  fresh.heard({ kind: "attributes", inode: 8 });
  expect(fresh.timeouts(look, 7, F)).toEqual({ ...TIMEOUTS, entryMs: 0 });
  expect(fresh.timeouts(look, 8, { parent: 1, name: "g" })).toEqual({
    ...TIMEOUTS,
    attributesMs: 0,
  });
  expect(fresh.timeouts(fresh.look(), 8, F)).toEqual(TIMEOUTS);
});

test("what was asked before anything may have changed has no time", () => {
  const fresh = freshness();
  const look = fresh.look();
  fresh.heard({ kind: "all" });
  expect(fresh.timeouts(look, 7, F)).toEqual(NONE);
  expect(fresh.timeouts(fresh.look(), 7, F)).toEqual(TIMEOUTS);
});

test("more changes than are remembered leave no trust in what was asked before them", () => {
  const fresh = freshness();
  const look = fresh.look();
  for (let inode = 10; inode < 10 + CHANGES_MAX; inode += 1)
    fresh.heard({ kind: "attributes", inode });
  expect(fresh.timeouts(look, 7, F)).toEqual(TIMEOUTS);
  fresh.heard({ kind: "attributes", inode: 9 });
  expect(fresh.timeouts(look, 7, F)).toEqual(NONE);
});
