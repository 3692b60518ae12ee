import { describe, expect, test } from "vitest";
import { AT_ONCE } from "../../test/lib/fake-timers.ts";
import type { NodeId, RunPiece } from "../scheduler/dataset.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { JobxError } from "../std/errors.ts";
import type { CallAnswer } from "./ports.ts";
import { RunCopies } from "./run-copies.ts";
import type { RunsPort } from "./work-ports.ts";

const DONE: CallAnswer = { kind: "done" };
const CUT_OFF: CallAnswer = { kind: "not-scheduler", leader: undefined };
const FULL: CallAnswer = { kind: "error", code: "FS_DISK_FULL", message: "no room", details: {} };
const { signal } = new AbortController();
const never = (): Promise<never> => new Promise(() => {});

function runOn(...holders: readonly NodeId[]): RunPiece {
  const size = { count: 1, bytes: 9 };
  return { kind: "run", cid: "c".repeat(64), order: "key", ...size, holders };
}

/** Copies of a node `self`; each of `up` answers a copy with what is next in its list, then the last. */
function copiesWith(
  up: Readonly<Record<NodeId, readonly (CallAnswer | undefined)[]>>,
  ensure: RunsPort["ensure"] = () => Promise.resolve(),
  listBlocks: RunsPort["listBlocks"] = () => Promise.resolve([]),
  /** Members that are down. */
  down: readonly NodeId[] = [],
  /** Before each answer. */
  hold: () => Promise<void> = () => Promise.resolve(),
) {
  const asked: NodeId[] = [];
  const copies = new RunCopies({
    mesh: { self: "self", isUp: (node) => node in up },
    timers: AT_ONCE,
    others: () => Object.keys(up),
    wanted: (cids) => Promise.resolve(cids.map(() => 2)),
    directory: {
      member: memberOf,
      members: () => ["self", ...Object.keys(up), ...down].map(memberOf),
    },
    caller: {
      ask: async (to) => {
        const answers = up[to] ?? [];
        const at = asked.filter((node) => node === to).length;
        asked.push(to);
        await hold();
        return answers[Math.min(at, answers.length - 1)];
      },
    },
    runs: {
      listBlocks,
      haveBlocks: () => Promise.resolve([]),
      ensureBlocks: () => Promise.resolve(),
      takeBlocks: () => Promise.resolve([]),
      verifyBlocks: () => Promise.reject(new Error("nobody verifies")),
      verifyStore: () => Promise.reject(new Error("nobody verifies")),
      ensure,
    },
  });
  return { copies, asked };
}

/** Nodes that begin with "gone" were removed. */
function memberOf(node: NodeId): MemberRow {
  return {
    ...{ kind: "member", node },
    ...{ name: `name-${node}`, addresses: [], api: "", storeId: "s", slots: 1, version: "" },
    ...{ capabilities: [], durability: "sync", versions: { min: 1, max: 1 } },
    state: node.startsWith("gone") ? "removed" : "joined",
  };
}

describe("a new run", () => {
  test("is copied to a node whose link was broken when it was asked first", async () => {
    const { copies, asked } = copiesWith({ a: [CUT_OFF, undefined, CUT_OFF, DONE] });
    expect(await copies.secure([runOn("self")], signal)).toEqual([runOn("self", "a")]);
    expect(asked).toEqual(["a", "a", "a", "a"]);
  });

  test("is offered to every other node in turn, whatever other runs are offered meanwhile", async () => {
    const { copies, asked } = copiesWith({ a: [CUT_OFF], b: [DONE] });
    const runs = Array.from({ length: 7 }, () => runOn("self"));
    expect(await copies.secure(runs, signal)).toEqual(runs.map(() => runOn("self", "b")));
    expect(asked.filter((node) => node === "b")).toHaveLength(7);
  });

  test("keeps its single copy when nobody else is up, or all who are have no room", async () => {
    expect(await copiesWith({}).copies.secure([runOn("self")], signal)).toEqual([runOn("self")]);
    const { copies, asked } = copiesWith({ a: [FULL], b: [FULL] });
    expect(await copies.secure([runOn("self")], signal)).toEqual([runOn("self")]);
    expect(asked.sort()).toEqual(["a", "b"]);
  });

  test("is not referred to while others are up and none takes it", async () => {
    const { copies } = copiesWith({ a: [undefined], b: [CUT_OFF] });
    await expect(copies.secure([runOn("self")], signal)).rejects.toMatchObject({
      code: "RUN_NOT_SECURED",
    });
  });

  test("that is on two nodes is offered to nobody", async () => {
    const { copies, asked } = copiesWith({ a: [DONE] });
    expect(await copies.secure([runOn("self", "b")], signal)).toEqual([runOn("self", "b")]);
    expect(asked).toEqual([]);
  });

  test("is given up with its unit", async () => {
    const ended = AbortSignal.abort(new Error("the unit is not wanted any more"));
    const { copies } = copiesWith({ a: [DONE] });
    await expect(copies.secure([runOn("self")], ended)).rejects.toThrow("not wanted");
  });
});

describe("a run of others", () => {
  const missing = new JobxError({ code: "FS_BLOCK_MISSING" }, "the block is not on this node");

  test("is waited for while its holder starts anew, holders being asked before others", async () => {
    const asked: (readonly NodeId[])[] = [];
    const { copies } = copiesWith({ a: [], b: [] }, (_run, from) => {
      asked.push(from);
      return asked.length < 5 ? Promise.reject(missing) : Promise.resolve();
    });
    await copies.ensure([runOn("b")], signal);
    expect(asked).toHaveLength(5);
    expect(asked[0]).toEqual(["b", "a"]);
  });

  test("that nobody gives is unreachable while a holder may come back, and the message names it", async () => {
    const { copies } = copiesWith({ a: [] }, () => Promise.reject(missing));
    const failing = copies.ensure([runOn("b", "gone-c")], signal);
    await expect(failing).rejects.toMatchObject({ code: "RUN_UNREACHABLE" });
    await expect(failing).rejects.toThrow("stored on name-b and gone-c (no member any more)");
  });

  test("is lost when each holder is up and lacks it, and not while one cannot be asked", async () => {
    const remote = new JobxError(
      { code: "MESH_REMOTE_ERROR", ...{ remoteCode: "FS_BLOCK_MISSING" } },
      "the block is not on this node",
    );
    const lost = copiesWith({ a: [], b: [] }, (_run, [from]) =>
      Promise.reject(from === "b" ? remote : missing),
    ).copies;
    await expect(lost.ensure([runOn("a", "b", "self")], signal)).rejects.toMatchObject({
      code: "RUN_LOST",
    });
    const broken = new JobxError({ code: "MESH_STREAM_BROKEN" }, "a bulk stream broke");
    const away = copiesWith({ a: [] }, () => Promise.reject(broken)).copies;
    await expect(away.ensure([runOn("a")], signal)).rejects.toMatchObject({
      code: "RUN_UNREACHABLE",
    });
  });

  test("is lost when all its holders were removed and nobody else has it, and not while one is down", async () => {
    const ensure = () => Promise.reject(missing);
    const { copies } = copiesWith({ a: [] }, ensure);
    await expect(copies.ensure([runOn("gone-b")], signal)).rejects.toMatchObject({
      code: "RUN_LOST",
    });
    // The one that was removed may have handed it on to the one that is down.
    const { copies: waiting } = copiesWith({ a: [] }, ensure, undefined, ["heir"]);
    await expect(waiting.ensure([runOn("gone-b")], signal)).rejects.toMatchObject({
      code: "RUN_UNREACHABLE",
    });
  });

  test("of several those are told that all who are up lack, and not those that only came late", async () => {
    const { copies } = copiesWith({ a: [] }, ({ cid }) =>
      cid.startsWith("h") ? Promise.resolve() : Promise.reject(missing),
    );
    const here = { ...runOn("a"), cid: "h".repeat(64) };
    const away = runOn("a", "b");
    expect(await copies.lost([here, runOn("a"), away], signal)).toEqual([runOn("a")]);
  });

  test("that is damaged at once is not waited for", async () => {
    let tries = 0;
    const broken = new JobxError({ code: "RUN_MALFORMED" }, "no manifest");
    const { copies } = copiesWith({ a: [] }, () => {
      tries++;
      return Promise.reject(broken);
    });
    await expect(copies.ensure([runOn("a")], signal)).rejects.toBe(broken);
    expect(tries).toBe(1);
  });
});

describe("handing on what only this node has", () => {
  const HAVE: CallAnswer = { kind: "blocks", here: [true] };

  test("is done once at a time, and whoever asks meanwhile waits for the next time", async () => {
    let open = (): void => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    let lists = 0;
    const { copies, asked } = copiesWith({ a: [HAVE] }, undefined, async (after) => {
      // The first listing is under way for long.
      if (lists++ === 0) await held;
      return after === "" ? ["y"] : [];
    });
    let ended = 0;
    const end = (): void => {
      ended += 1;
    };
    const first = copies.handOn().then(end);
    const others = [copies.handOn().then(end), copies.handOn().then(end)];
    expect([lists, ended]).toEqual([1, 0]);
    open();
    await first;
    expect(ended).toBe(1);
    await Promise.all(others);
    // Each time: what there is, asked of the other node, and then that there is no more.
    expect([lists, asked]).toEqual([4, ["a", "a"]]);
    await copies.handOn();
    expect(lists).toBe(6);
  });

  test("can be tried again when nobody could take a block", async () => {
    const none: CallAnswer = { kind: "blocks", here: [false] };
    const one = (after: string) => Promise.resolve(after === "" ? ["x"] : []);
    const { copies } = copiesWith({ a: [none, CUT_OFF, none, DONE] }, undefined, one);
    await expect(copies.handOn()).rejects.toMatchObject({ code: "NODE_BLOCKS_STAY" });
    await copies.handOn();
  });
});

describe("who does not wait any more", () => {
  const end = new Error("its time is over");

  test("is not held up by a node that says nothing to a copy", async () => {
    const { copies, asked } = copiesWith({ silent: [undefined] }, undefined, undefined, [], never);
    const caller = new AbortController();
    const securing = copies.secure([runOn("self")], caller.signal);
    await expect.poll(() => asked).toEqual(["silent"]);
    caller.abort(end);
    await expect(securing).rejects.toBe(end);
  });
});
