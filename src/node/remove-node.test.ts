import { expect, test } from "vitest";
import { memberNamed } from "../../test/lib/system-kit.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { ClusterError } from "./cluster-errors.ts";
import { removeNode } from "./remove-node.ts";

const row = (node: string, state: MemberRow["state"] = "joined"): MemberRow => ({
  ...memberNamed(node),
  kind: "member",
  state,
});

/** Removes the first of `rows` where the log has lost `gone`, which the node hears of only when it asks. */
async function removed(rows: readonly MemberRow[], gone: readonly string[] = []) {
  const sent: SystemCommand[] = [];
  const checked: (readonly string[])[] = [];
  let members = rows;
  await removeNode({
    leaving: () => {
      const [first] = members;
      return first === undefined ? Promise.reject(new Error("no rows")) : Promise.resolve(first);
    },
    members: () => members,
    check: (staying) => {
      checked.push(staying.map(({ node }) => node));
      return Promise.resolve();
    },
    system: (command) => {
      sent.push(command);
      return command.kind === "remove-node-keeping" && gone.includes(command.keeps)
        ? Promise.reject(new ClusterError({ code: "NODE_KEPT_GONE" }, "gone"))
        : Promise.resolve();
    },
    fresh: () => {
      members = rows.map((known) =>
        gone.includes(known.node) ? row(known.node, "removing") : known,
      );
      return Promise.resolve();
    },
  });
  return { sent, checked };
}

const kind = "remove-node-keeping";

test("a node is removed while another one stays that is not leaving; a drained one does", async () => {
  expect(await removed([row("n1"), row("n2", "removing"), row("n3", "drained")])).toEqual({
    sent: [{ kind, node: "n1", keeps: "n3" }],
    checked: [["n3"]],
  });
});

test("where the one that was to stay is leaving by then, another one is named, and all is looked at anew", async () => {
  expect(await removed([row("n1"), row("n2"), row("n3")], ["n2"])).toEqual({
    sent: [
      { kind, node: "n1", keeps: "n2" },
      { kind, node: "n1", keeps: "n3" },
    ],
    checked: [["n2", "n3"], ["n3"]],
  });
});

test("where nobody else stays any more, the last node is not removed", async () => {
  const last = { code: "NODE_LAST" };
  await expect(removed([row("n1"), row("n2")], ["n2"])).rejects.toMatchObject(last);
  await expect(removed([row("n1"), row("n2", "removing")])).rejects.toMatchObject(last);
});

test("a node that is leaving already is told so again, whoever stays", async () => {
  expect(await removed([row("n1", "removing")])).toEqual({
    sent: [{ kind: "remove-node", node: "n1" }],
    checked: [],
  });
});
