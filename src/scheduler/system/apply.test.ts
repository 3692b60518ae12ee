import { describe, expect, test } from "vitest";
import { memberNamed, SystemKit } from "../../../test/lib/system-kit.ts";
import { systemKeys } from "./keys.ts";

const JOIN = "2026-01-01T00:00:00Z";
const NOW_MS = Date.parse(JOIN);

function withTicket(uses = 1): SystemKit {
  const kit = SystemKit.founded(NOW_MS);
  kit.must({
    kind: "ticket",
    id: "t",
    verifier: new Uint8Array(32),
    expiresMs: NOW_MS + 1000,
    uses,
    madeBy: "n1",
  });
  return kit;
}

describe("tickets", () => {
  test("a ticket lets in as many nodes as it has uses, and asking again uses up nothing", () => {
    const kit = withTicket(1);
    expect(kit.join("n2")).toBe("ok");
    expect(kit.join("n2")).toBe("ok");
    expect(kit.join("n3")).toBe("TICKET_USED_UP");
    expect(kit.members()).toEqual(["n1", "n2"]);
  });

  test("an expired ticket lets in nobody", () => {
    const kit = withTicket();
    kit.nowMs += 1000;
    expect(kit.join("n2")).toBe("TICKET_INVALID");
  });

  test("a revoked ticket lets in nobody, revoking it again is no mistake, and who joined stays", () => {
    const kit = withTicket(2);
    expect(kit.join("n2")).toBe("ok");
    expect(kit.apply({ kind: "revoke-ticket", id: "t" })).toBe("ok");
    expect(kit.apply({ kind: "revoke-ticket", id: "t" })).toBe("ok");
    expect(kit.join("n3")).toBe("TICKET_INVALID");
    expect(kit.members()).toEqual(["n1", "n2"]);
    expect(kit.row(systemKeys.ticket("t"))).toMatchObject({ revoked: true, usesLeft: 1 });
  });

  test("a ticket is forgotten once it lets in nobody, for whatever reason, and not before", () => {
    const forget = (kit: SystemKit) => {
      expect(kit.apply({ kind: "forget-ticket", id: "t" })).toBe("ok");
      return kit.row(systemKeys.ticket("t")) === undefined;
    };
    const kit = withTicket(2);
    expect(kit.join("n2")).toBe("ok");
    expect(forget(kit)).toBe(false);
    expect(kit.join("n3")).toBe("ok");
    expect(forget(kit)).toBe(true);
    expect(forget(kit)).toBe(true);
    expect(kit.join("n4")).toBe("TICKET_INVALID");
    const expired = withTicket();
    expired.nowMs += 1000;
    expect(forget(expired)).toBe(true);
    const revoked = withTicket();
    revoked.apply({ kind: "revoke-ticket", id: "t" });
    expect(forget(revoked)).toBe(true);
  });

  test("a ticket that nobody made cannot be revoked", () => {
    expect(withTicket().apply({ kind: "revoke-ticket", id: "x" })).toBe("TICKET_UNKNOWN");
  });
});

describe("draining and removing", () => {
  const withTwo = (): SystemKit => {
    const kit = withTicket(5);
    kit.join("n2");
    return kit;
  };
  const stateOf = (kit: SystemKit, node: string): unknown => {
    const row = kit.row(systemKeys.member(node));
    return row?.kind === "member" ? row.state : undefined;
  };

  test("a drained node stays drained when it announces itself anew, until it is undrained", () => {
    const kit = withTwo();
    kit.must({ kind: "drain-node", node: "n2", drained: true });
    kit.must({ kind: "announce", member: memberNamed("n2") });
    expect(stateOf(kit, "n2")).toBe("drained");
    kit.must({ kind: "drain-node", node: "n2", drained: false });
    expect(stateOf(kit, "n2")).toBe("joined");
  });

  test("only a node that was asked to leave can be removed, and it stays removed", () => {
    const kit = withTwo();
    expect(kit.apply({ kind: "node-removed", node: "n2" })).toBe("NODE_NOT_REMOVING");
    kit.must({ kind: "remove-node", node: "n2" });
    expect(stateOf(kit, "n2")).toBe("removing");
    expect(kit.apply({ kind: "drain-node", node: "n2", drained: false })).toBe("NODE_REMOVED");
    kit.must({ kind: "announce", member: memberNamed("n2") });
    expect(stateOf(kit, "n2")).toBe("removing");
    kit.must({ kind: "node-removed", node: "n2" });
    kit.must({ kind: "node-removed", node: "n2" });
    kit.must({ kind: "remove-node", node: "n2" });
    expect(stateOf(kit, "n2")).toBe("removed");
  });

  test("a removed node neither announces itself nor joins again, whatever ticket it has", () => {
    const kit = withTwo();
    kit.must({ kind: "remove-node", node: "n2" });
    kit.must({ kind: "node-removed", node: "n2" });
    expect(kit.apply({ kind: "announce", member: memberNamed("n2") })).toBe("NODE_NOT_MEMBER");
    expect(kit.join("n2")).toBe("NODE_REMOVED");
  });

  test("of two nodes that remove each other the one whose removal comes second stays", () => {
    for (const [first, second] of [
      ["n1", "n2"],
      ["n2", "n1"],
    ] as const) {
      const kit = withTwo();
      const remove = (node: string, keeps: string): string =>
        kit.apply({ kind: "remove-node-keeping", node, keeps });
      expect(remove(first, second)).toBe("ok");
      expect(remove(second, first)).toBe("NODE_KEPT_GONE");
      kit.must({ kind: "node-removed", node: first });
      expect(remove(second, first)).toBe("NODE_KEPT_GONE");
      expect(remove(second, second)).toBe("NODE_KEPT_GONE");
      expect(remove(second, "x")).toBe("NODE_KEPT_GONE");
      expect(stateOf(kit, second)).toBe("joined");
      // Harmless to repeat, whoever stays.
      expect(remove(first, "x")).toBe("ok");
      expect(stateOf(kit, first)).toBe("removed");
    }
  });

  test("a drained node is one that stays", () => {
    const kit = withTwo();
    kit.must({ kind: "drain-node", node: "n2", drained: true });
    expect(kit.apply({ kind: "remove-node-keeping", node: "n1", keeps: "n2" })).toBe("ok");
    expect(stateOf(kit, "n1")).toBe("removing");
  });

  test("a node that nobody knows can be neither drained nor removed", () => {
    const kit = withTwo();
    expect(kit.apply({ kind: "drain-node", node: "x", drained: true })).toBe("NODE_UNKNOWN");
    expect(kit.apply({ kind: "remove-node", node: "x" })).toBe("NODE_UNKNOWN");
    expect(kit.apply({ kind: "remove-node-keeping", node: "x", keeps: "n1" })).toBe("NODE_UNKNOWN");
  });
});
