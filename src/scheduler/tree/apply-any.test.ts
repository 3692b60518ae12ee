/** S6: no command stops a replica, whatever is in it; and what is refused has written nothing (T5). */
import fc from "fast-check";
import { expect, test } from "vitest";
import { block, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import { treeCommandKinds } from "../../../test/lib/wire-tree-values.ts";
import { ofKinds } from "../../../test/lib/wire-values.ts";
import type { Place, TreeCommand } from "./commands.ts";

const few = (number: number): number => 1 + (number % 6);
const near = ({ from, path }: Place): Place => ({ from: few(from), path });

/** The same command about inodes and contents that are likely to be there. */
function nearer(command: TreeCommand): TreeCommand {
  switch (command.kind) {
    case "fs-commit": {
      const files = command.files.map((one) => ({ ...one, place: near(one.place) }));
      return { ...command, upload: "u1", files };
    }
    case "fs-stage":
      return { ...command, upload: "u1", content: command.content % 3, part: command.part % 3 };
    case "fs-coded": {
      const files = [file("a/b", 1, 2), file("c", 2, 3)];
      const commit = { kind: "fs-commit", upload: "u1", files, parents: true } as const;
      const data = command.stripes.map((_, index) => block(1 + (index % 4)));
      return { ...command, command: commit, stripes: [{ data, parity: [block(9).cid] }] };
    }
    case "fs-link":
      return { ...command, from: near(command.from), to: near(command.to) };
    case "fs-unlink":
      return { ...command, places: command.places.map(near) };
    case "fs-rename": {
      const moves = command.moves.map(({ from, to, keep }) => ({
        from: near(from),
        to: near(to),
        keep: keep === undefined ? keep : near(keep),
      }));
      return { ...command, moves };
    }
    case "fs-sweep":
      return { ...command, directory: few(command.directory) };
    case "fs-sweep-content":
      return { ...command, content: few(command.content) };
    case "fs-create":
      return { ...command, upload: "u1", inode: few(command.inode), place: near(command.place) };
    case "fs-mkdir":
    case "fs-symlink":
    case "fs-rmdir":
    case "fs-remove":
    case "fs-attributes":
    case "fs-attribute":
      return { ...command, place: near(command.place) };
    case "fs-volume":
    case "fs-pin":
    case "fs-prepare":
    case "fs-reserve":
    case "fs-release":
    case "fs-lapse":
    case "fs-retention":
    case "fs-expire":
    case "fs-snapshot":
    case "fs-snapshot-end":
    case "fs-snapshot-remove":
      return command;
  }
}

test("any commands one after the other are answered, with a code where they are refused, and leave right counts", () => {
  const command = ofKinds<TreeCommand>(treeCommandKinds).map(nearer);
  fc.assert(
    fc.property(fc.array(command, { minLength: 5, maxLength: 30 }), (commands) => {
      const kit = TreeKit.withPin();
      kit.commit([file("a/b", 1), file("c", 2)], { parents: true });
      for (const one of commands) {
        const before = [...kit.rows];
        const answer = kit.run(one);
        if (answer.kind === "inode") continue;
        expect(answer.kind === "refused" ? answer.code : answer.kind).toMatch(/^FS_/);
        expect([...kit.rows]).toEqual(before);
      }
      kit.checkCounts();
      kit.sweep();
      kit.checkCounts();
    }),
    { numRuns: 150, seed: 5 },
  );
});
