/**
 * Random commands against a tree of plain objects (`test/lib/tree-model.ts`). After each the answer, every
 * path with its content and names, and all counts must agree; and each is applied twice, once with rows
 * missing at random. A failure names its seed.
 */
import { expect, test } from "vitest";
import { at, block, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import { type ModelFile, type ModelNode, TreeModel } from "../../../test/lib/tree-model.ts";
import { type Random, seededRandom } from "../../std/random.ts";
import type { FileCommit, MoveOver, TreeCommand } from "./commands.ts";
import { contentPart, linksOf } from "./reads.ts";
import type { FileContent, InodeRow } from "./rows.ts";

const SEEDS = 32;
const COMMANDS = 100;

/** A command, and the same for the model. */
interface Step {
  readonly command: TreeCommand;
  readonly model: (model: TreeModel) => void;
}

class Dice {
  /** Paths that are there now. */
  known: readonly string[] = [];
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  chance(of: number): boolean {
    return this.#random.next() < of;
  }

  path(): string {
    const length = 1 + this.below(3);
    return Array.from({ length }, () => "abc".charAt(this.below(3))).join("/");
  }

  /** Mostly one that is there. */
  knownPath(): string {
    return this.chance(0.8) ? (this.known[this.below(this.known.length)] ?? "a") : this.path();
  }

  some<T>(make: () => T): readonly T[] {
    return Array.from({ length: 1 + this.below(3) }, make);
  }

  one<T>(first: T, ...others: readonly T[]): T {
    return others[this.below(others.length + 1) - 1] ?? first;
  }
}

const optionalPlace = (path: string | undefined) => (path === undefined ? path : at(path));

function commitStep(dice: Dice, contentOf: (numbers: readonly number[]) => FileContent): Step {
  const parents = dice.chance(0.8);
  const wanted = dice.some((): ModelFile => {
    const blocks = Array.from({ length: dice.below(4) }, () => dice.below(6));
    return {
      path: dice.path(),
      blocks,
      keep: dice.chance(0.2) ? dice.path() : undefined,
      expect: dice.chance(0.15) ? dice.one("absent", "revision") : "any",
    };
  });
  const files = wanted.map(({ path, blocks, keep, expect: kind }): FileCommit => {
    const expectation = kind === "revision" ? { kind, revision: 0 } : { kind };
    return {
      ...file(path),
      content: contentOf(blocks),
      expect: expectation,
      keep: optionalPlace(keep),
    };
  });
  return {
    command: { kind: "fs-commit", upload: "u1", files, parents },
    model: (model) => {
      for (const one of wanted) model.commit(one, parents);
    },
  };
}

function renameStep(dice: Dice): Step {
  const options = {
    over: dice.one<MoveOver>("posix", "posix", "exclusive", "tree"),
    parents: dice.chance(0.3),
  };
  const moves = dice
    .some(() => ({
      from: dice.knownPath(),
      to: dice.path(),
      keep: dice.chance(0.2) ? dice.path() : undefined,
    }))
    .slice(0, 2);
  return {
    command: {
      kind: "fs-rename",
      moves: moves.map(({ from, to, keep }) => ({
        from: at(from),
        to: at(to),
        keep: optionalPlace(keep),
      })),
      ...options,
    },
    model: (model) => {
      for (const move of moves) model.move(move, options);
    },
  };
}

function nameStep(dice: Dice): Step {
  const which = dice.below(6);
  const makes = which === 0 || which === 5;
  const [path, to] = [makes ? dice.path() : dice.knownPath(), dice.path()];
  const place = at(path);
  switch (which) {
    case 0: {
      const parents = dice.chance(0.5);
      const command = { kind: "fs-mkdir", place, mode: 0o755, parents } as const;
      return { command, model: (model) => model.mkdir(path, parents) };
    }
    case 1: {
      const paths = dice.some(() => dice.knownPath()).slice(0, 2);
      const command = { kind: "fs-unlink", places: paths.map((one) => at(one)) } as const;
      return {
        command,
        model: (model) => {
          for (const one of paths) model.unlink(one);
        },
      };
    }
    case 2:
      return { command: { kind: "fs-rmdir", place }, model: (model) => model.rmdir(path) };
    case 3:
      return { command: { kind: "fs-remove", place }, model: (model) => model.remove(path) };
    case 4:
      return {
        command: { kind: "fs-link", from: place, to: at(to) },
        model: (model) => model.link(path, to),
      };
    default:
      return {
        command: { kind: "fs-symlink", place, target: to },
        model: (model) => model.symlink(path, to),
      };
  }
}

/** What is compared of each path; `names` is the first path of those that lead to the same. */
function shownRow(kit: TreeKit, row: InodeRow): Readonly<Record<string, unknown>> {
  switch (row.kind) {
    case "fs-directory":
      return { type: "directory", links: linksOf(row) };
    case "fs-symlink":
      return { type: "symlink", target: row.target, links: row.links };
    case "fs-file": {
      const { content } = row;
      const blocks =
        content.kind === "inline"
          ? content.blocks
          : (contentPart(kit.view, content.content, 0)?.blocks ?? []);
      return { type: "file", blocks, links: row.links };
    }
  }
}

function shownNode(node: ModelNode, count: number): Readonly<Record<string, unknown>> {
  switch (node.type) {
    case "directory": {
      const folders = [...node.entries.values()].filter(({ type }) => type === "directory");
      return { type: node.type, links: 2 + folders.length };
    }
    case "symlink":
      return { type: node.type, target: node.target, links: count };
    case "file":
      return { type: node.type, blocks: node.blocks.map(block), links: count };
  }
}

/** Of each path the first one that leads to the same. */
function firstNames<T>(paths: ReadonlyMap<string, T>): ReadonlyMap<string, string> {
  const first = new Map<T, string>();
  return new Map(
    [...paths].map(([path, one]) => {
      if (!first.has(one)) first.set(one, path);
      return [path, first.get(one) ?? ""];
    }),
  );
}

/** Links of a file or symbolic link that is there may be in a removed folder, which paths do not show. */
function compare(kit: TreeKit, model: TreeModel, swept: boolean): void {
  const found = kit.paths();
  const wanted = new Map([...model.paths()].sort(([a], [b]) => (a < b ? -1 : 1)));
  expect([...found.keys()].sort()).toEqual([...wanted.keys()]);
  const inodes = new Map([...wanted.keys()].map((path) => [path, found.get(path)?.inode ?? 0]));
  expect(firstNames(inodes)).toEqual(firstNames(wanted));
  for (const [path, node] of wanted) {
    const row = found.get(path)?.row;
    if (row === undefined) throw new Error("the paths are the same");
    const count = [...wanted.values()].filter((one) => one === node).length;
    const shown = shownRow(kit, row);
    const want = shownNode(node, count);
    if (swept) expect(shown, path).toEqual(want);
    else expect({ ...shown, links: 0 }, path).toEqual({ ...want, links: 0 });
  }
  const { usedInodes, usedBytes } = kit.use();
  expect({ inodes: usedInodes, bytes: usedBytes }).toEqual(model.used());
  kit.checkCounts();
}

/** Stages a list under its own number where the content is not empty and the dice want it. */
function contentBy(kit: TreeKit, dice: Dice): (numbers: readonly number[]) => FileContent {
  return (numbers) => {
    const blocks = numbers.map(block);
    if (blocks.length === 0 || !dice.chance(0.2)) return { kind: "inline", blocks };
    const answer = kit.run({ kind: "fs-stage", upload: "u1", content: 0, part: 0, blocks });
    // Too many are staged: what was refused with them is dropped with the pin.
    if (answer.kind !== "inode") return { kind: "inline", blocks };
    return { kind: "listed", content: answer.inode };
  };
}

test("random commands leave the tree that plain objects have, and count what there is", () => {
  const refusals = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const dice = new Dice(seed);
    const kit = TreeKit.withPin(seed);
    const model = new TreeModel();
    if (seed % 4 === 0) {
      Object.assign(model, { inodesMax: 8, bytesMax: 40 });
      const options = { copies: 1, chunking: "fixed", quotaBytes: 40, quotaInodes: 8 } as const;
      kit.run({ kind: "fs-volume", revision: 0, options });
    }
    let swept = true;
    for (let count = 0; count < COMMANDS; count += 1) {
      dice.known = [...model.paths().keys()];
      const sort = dice.below(10);
      const step =
        sort < 3
          ? commitStep(dice, contentBy(kit, dice))
          : sort < 6
            ? renameStep(dice)
            : nameStep(dice);
      const answer = kit.run(step.command);
      const code = answer.kind === "refused" ? answer.code : answer.kind;
      refusals.set(code, (refusals.get(code) ?? 0) + 1);
      expect({ seed, count, code }).toEqual({ seed, count, code: model.do(step.model) });
      swept = swept && kit.scan("Fx/d").length === 0;
      compare(kit, model, swept);
      if (!dice.chance(0.2)) continue;
      kit.sweep(1 + dice.below(3));
      model.sweep();
      swept = true;
      compare(kit, model, swept);
    }
    kit.run({ kind: "fs-remove", place: at("a") });
    kit.run({ kind: "fs-remove", place: at("b") });
    kit.run({ kind: "fs-remove", place: at("c") });
    kit.run({ kind: "fs-release", upload: "u1" });
    kit.sweep();
    // The root and the volume.
    expect(kit.scan("F").map(([key]) => key)).toEqual(["Fi/a1", "Fv/"]);
    expect(kit.use()).toEqual({ usedBytes: 0, usedInodes: 0, pins: 0 });
  }
  // The test is worth something only if it comes to everything.
  const rare = ["FS_LOOP", "FS_NOT_EMPTY", "FS_QUOTA", "FS_NOT_FILE", "FS_EXISTS", "FS_CHANGED"];
  for (const code of [...rare, "FS_NOT_DIRECTORY", "FS_IS_DIRECTORY", "FS_NOT_FOUND"])
    expect([code, refusals.get(code) ?? 0]).toEqual([code, expect.toSatisfy((n) => n > 5)]);
  expect(refusals.get("inode") ?? 0).toBeGreaterThan(600);
});
