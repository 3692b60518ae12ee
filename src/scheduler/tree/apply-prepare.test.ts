/** R17: what attempts write is seen with their completion, or never. */
import { expect, test } from "vitest";
import { failed, reduced, sketchDefinition } from "../../../test/lib/scheduler-values.ts";
import { at, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import { requestId, type Token } from "../unit.ts";
import { attemptPath } from "./attempts-folder.ts";
import { FS_PREPARED_MAX } from "./commands.ts";
import type { PreparedEnd } from "./rows.ts";
import { workspacePath } from "./workspace.ts";

interface Writing {
  readonly kit: TreeKit;
  readonly request: number;
  readonly token: Token;
  /** Paths of the workspace and of the attempt's folder. */
  readonly space: string;
  readonly own: string;
}

/** A request whose root is granted. */
function granted(retries = 1): Writing {
  const kit = TreeKit.withPin();
  const { sources, define } = sketchDefinition([{ name: "top", retries }]);
  for (const source of sources) kit.run(source);
  kit.run({ ...define, revision: 0 });
  return begun(kit);
}

/** One more of them. */
function begun(kit: TreeKit): Writing {
  const request = kit.submit();
  const { token } = kit.grant(kit.queue().at(-1)?.[0]);
  const space = workspacePath(requestId("flow", 7, request));
  return { kit, request, token, space, own: attemptPath(token) };
}

/** The next attempt of the same unit. */
function again(one: Writing): Writing {
  const { token } = one.kit.grant();
  return { ...one, token, own: attemptPath(token) };
}

function prepare({ kit, token }: Writing, end: Partial<PreparedEnd>): string {
  const nothing = { removes: [], moves: [], publishes: [] };
  const answer = kit.run({ kind: "fs-prepare", token, ...nothing, ...end });
  return answer.kind === "refused" ? answer.code : answer.kind;
}

const listed = (...paths: readonly string[]): PreparedEnd["moves"] =>
  paths.map((path) => ({ path, whole: false }));

/** What is in the tree but for folders of attempts and requests themselves, with the first block of files. */
function seen({ kit }: Writing): Readonly<Record<string, number | string>> {
  const found = [...kit.paths()].map(([path, { row }]): [string, number | string] => {
    if (row.kind !== "fs-file") return [path, row.kind];
    const first = row.content.kind === "inline" ? row.content.blocks[0] : undefined;
    return [path, (first?.bytes ?? 0) - 1];
  });
  return Object.fromEntries(found.filter(([path]) => path.split("/").length > 2));
}

/** All that was removed is swept, and every count is right. */
function settle({ kit }: Writing): void {
  kit.checkCounts();
  kit.sweep();
  kit.checkCounts();
  expect(kit.scan("Fa/")).toEqual([]);
}

test("the end of the live token names the files, over what is there, and folders join", () => {
  const one = granted();
  const { kit, space, own, token } = one;
  kit.commit([file(`${space}/old/a`, 1), file(`${space}/b`, 2), file(`${space}/gone/x`, 3)], {
    parents: true,
  });
  kit.commit([file(`${own}/w/old/c`, 4), file(`${own}/w/b`, 5), file(`${own}/w/new/d/e`, 6)], {
    parents: true,
  });
  const moves = listed("b", "new", "new/d", "new/d/e", "old", "old/c");
  expect(prepare(one, { removes: ["gone"], moves })).toBe("inode");
  expect(kit.find(`${space}/b`).row).toMatchObject({ bytes: 3 });
  kit.end(token, reduced([]));
  expect(kit.request(one.request).state).toBe("succeeded");
  settle(one);
  expect(seen(one)).toEqual({
    [`${space}/b`]: 5,
    ...{ [`${space}/new`]: "fs-directory", [`${space}/new/d`]: "fs-directory" },
    [`${space}/new/d/e`]: 6,
    ...{ [`${space}/old`]: "fs-directory", [`${space}/old/a`]: 1, [`${space}/old/c`]: 4 },
  });
});

test("an end that is said twice names the files once, and what others wrote since stays", () => {
  const one = granted();
  const { kit, space, own, token } = one;
  kit.commit([file(`${own}/w/a`, 1)], { parents: true });
  prepare(one, { moves: listed("a") });
  kit.end(token, reduced([]));
  kit.commit([file(`${space}/a`, 2)]);
  kit.end(token, reduced([]));
  expect(prepare(one, { moves: listed("a") })).toBe("FS_ATTEMPT_OVER");
  settle(one);
  expect(seen(one)).toEqual({ [`${space}/a`]: 2 });
});

test("of an attempt that was taken back nothing is seen, whatever it says later, and the next one's is whole", () => {
  const lost = granted();
  const { kit, space } = lost;
  kit.commit([file(`${lost.own}/w/a`, 1), file(`${lost.own}/w/torn`, 2)], { parents: true });
  expect(prepare(lost, { moves: listed("a", "torn") })).toBe("inode");
  kit.run({ kind: "take-back", token: lost.token, how: "lost" });
  kit.end(lost.token, reduced([]));
  settle(lost);
  expect(seen(lost)).toEqual({});
  const next = again(lost);
  kit.commit([file(`${next.own}/w/a`, 3)], { parents: true });
  prepare(next, { moves: listed("a") });
  kit.end(lost.token, reduced([]));
  expect(seen(next)[`${space}/a`]).toBeUndefined();
  kit.end(next.token, reduced([]));
  settle(next);
  expect(seen(next)).toEqual({ [`${space}/a`]: 3 });
});

test.each([
  ["failed", failed()],
  ["given back", { kind: "released", reason: "drain" } as const],
])("of an attempt that %s nothing is seen", (_, outcome) => {
  const one = granted();
  one.kit.commit([file(`${one.own}/w/a`, 1)], { parents: true });
  prepare(one, { moves: listed("a") });
  one.kit.end(one.token, outcome);
  settle(one);
  expect(seen(one)).toEqual({});
  expect(one.kit.use().usedBytes).toBe(0);
});

test("what was written and not prepared is not seen", () => {
  const one = granted();
  one.kit.commit([file(`${one.own}/w/a`, 1)], { parents: true });
  one.kit.end(one.token, reduced([]));
  settle(one);
  expect(seen(one)).toEqual({});
});

test("the end of a request that was cancelled names nothing", () => {
  const one = granted();
  one.kit.commit([file(`${one.own}/w/a`, 1)], { parents: true });
  prepare(one, { moves: listed("a"), publishes: [] });
  one.kit.run({ kind: "cancel", request: one.request });
  one.kit.end(one.token, reduced([]));
  settle(one);
  expect(seen(one)).toEqual({});
});

test("what is published appears in the volume with the end, in place of what was there", () => {
  const one = granted();
  const { kit, own } = one;
  kit.commit([file("out/result/old", 1)], { parents: true });
  kit.commit([file(`${own}/p/1/new`, 2), file(`${own}/p/2`, 3)], { parents: true });
  const publishes = [
    { from: "p/1", to: "out/result" },
    { from: "p/2", to: "made/here/too" },
  ];
  prepare(one, { publishes });
  expect(kit.find("out/result/old").row.kind).toBe("fs-file");
  kit.end(one.token, reduced([]));
  settle(one);
  expect(seen(one)).toEqual({ "out/result/new": 2, "made/here/too": 3 });
});

test("a folder that is not listed goes as a whole, and an attempt fails where others have names in it", () => {
  const first = granted(0);
  const { kit } = first;
  const moves = [{ path: "many", whole: true }];
  kit.commit([file(`${first.own}/w/many/a`, 1)], { parents: true });
  prepare(first, { moves });
  kit.commit([file(`${first.space}/many/b`, 2)], { parents: true });
  kit.end(first.token, reduced([]));
  expect(kit.request(first.request)).toMatchObject({
    state: "failed",
    failure: { error: { code: "FS_NOT_EMPTY" } },
  });
  settle(first);
  expect(seen(first)).toEqual({
    [`${first.space}/many`]: "fs-directory",
    [`${first.space}/many/b`]: 2,
  });
  const second = begun(kit);
  kit.commit([file(`${second.own}/w/many/a`, 1)], { parents: true });
  kit.mkdir(`${second.space}/many`, true);
  prepare(second, { moves });
  kit.end(second.token, reduced([]));
  expect(seen(second)[`${second.space}/many/a`]).toBe(1);
  settle(second);
});

test("an attempt whose files the quota refuses at the end has failed with its code, and is tried again", () => {
  const one = granted(0);
  const { kit, own, token } = one;
  kit.commit([file(`${own}/p/1`, 1)], { parents: true });
  prepare(one, { publishes: [{ from: "p/1", to: "a/b/c/d/e/f/g/h" }] });
  const options = { copies: 1, chunking: "fixed", quotaBytes: undefined } as const;
  const { usedInodes } = kit.use();
  kit.run({ kind: "fs-volume", revision: 0, options: { ...options, quotaInodes: usedInodes } });
  kit.end(token, reduced([]));
  expect(kit.request(one.request)).toMatchObject({
    state: "failed",
    failure: { error: { code: "FS_QUOTA" } },
  });
  settle(one);
  expect(seen(one)).toEqual({});
});

test("an end with files that comes with others has failed, and the others have not", () => {
  const one = granted(0);
  const { kit } = one;
  const other = begun(kit);
  kit.commit([file(`${one.own}/w/a`, 1)], { parents: true });
  prepare(one, { moves: listed("a") });
  const ends = [one, other].map(({ token }) => ({ token, outcome: reduced([]), run: undefined }));
  kit.run({ kind: "ends", ends });
  expect(kit.request(one.request)).toMatchObject({
    state: "failed",
    failure: { error: { code: "COMMAND_TOO_LARGE" } },
  });
  expect(kit.request(other.request).state).toBe("succeeded");
  settle(one);
  expect(seen(one)).toEqual({});
});

test("an end of too many names is refused, and one of a token that nobody has", () => {
  const one = granted();
  one.kit.mkdir(`${one.own}/w`, true);
  const paths = Array.from({ length: FS_PREPARED_MAX + 1 }, (_, number) => `f${number}`);
  expect(prepare(one, { removes: paths })).toBe("COMMAND_TOO_LARGE");
  const { index, ordinal } = one.token;
  const other = { ...one, token: { index, ordinal: ordinal + 1 } };
  expect(prepare(other, {})).toBe("FS_ATTEMPT_OVER");
  expect(prepare({ ...one, token: { index: index + 9, ordinal } }, {})).toBe("FS_ATTEMPT_OVER");
  one.kit.run({ kind: "fs-remove", place: at(one.own) });
  expect(prepare(one, {})).toBe("FS_ATTEMPT_OVER");
});
