import { describe, expect, test } from "vitest";
import { memberNamed, SystemKit } from "../../../test/lib/system-kit.ts";
import { CLUSTER_KEY, SUPPORT_KEY } from "./keys.ts";
import type { VersionRange } from "./version-range.ts";

const RANGES = { old: { min: 1, max: 1 }, both: { min: 1, max: 2 }, next: { min: 2, max: 2 } };

const member = (node: string, versions: VersionRange) => ({ ...memberNamed(node), versions });

/** A cluster of `n1`, with a ticket for others. */
function cluster(versions: VersionRange): SystemKit {
  const kit = SystemKit.founded(1, versions);
  kit.must({
    ...{ kind: "ticket", id: "t", verifier: new Uint8Array(32), expiresMs: 1_000 },
    ...{ uses: 2, madeBy: "n1" },
  });
  return kit;
}

const join = (kit: SystemKit, node: string, versions: VersionRange): string =>
  kit.apply({ kind: "join", ticket: "t", member: member(node, versions) });

const announce = (kit: SystemKit, node: string, versions: VersionRange): string =>
  kit.apply({ kind: "announce", member: member(node, versions) });

const versionOf = (kit: SystemKit): unknown => {
  const row = kit.row(CLUSTER_KEY);
  return row?.kind === "cluster" ? row.version : undefined;
};

const rangesOf = (kit: SystemKit): unknown => {
  const row = kit.row(SUPPORT_KEY);
  return row?.kind === "support" ? row.ranges : undefined;
};

test("a new cluster has the highest version that its founder supports", () => {
  expect(versionOf(cluster(RANGES.old))).toBe(1);
  expect(versionOf(cluster(RANGES.both))).toBe(2);
});

describe("who does not support the version of the cluster", () => {
  test("does not join, whether too old or too new, and its ticket keeps its uses", () => {
    const old = cluster(RANGES.old);
    expect(join(old, "n2", RANGES.next)).toBe("CLUSTER_VERSION_UNSUPPORTED");
    const next = cluster(RANGES.next);
    expect(join(next, "n2", RANGES.old)).toBe("CLUSTER_VERSION_UNSUPPORTED");
    expect(next.members()).toEqual(["n1"]);
    for (const node of ["n2", "n3"]) expect(join(next, node, RANGES.both)).toBe("ok");
  });

  test("cannot announce itself, and its row keeps what it said before", () => {
    const kit = cluster(RANGES.both);
    expect(join(kit, "n2", RANGES.both)).toBe("ok");
    expect(announce(kit, "n2", RANGES.old)).toBe("CLUSTER_VERSION_UNSUPPORTED");
    expect(rangesOf(kit)).toEqual([{ ...RANGES.both, members: 2 }]);
  });
});

describe("a raise", () => {
  test("is refused until the last member supports it, and is harmless to repeat", () => {
    const kit = cluster(RANGES.old);
    expect(join(kit, "n2", RANGES.both)).toBe("ok");
    expect(kit.apply({ kind: "raise", version: 2 })).toBe("CLUSTER_RAISE_WAITS");
    expect(versionOf(kit)).toBe(1);
    expect(announce(kit, "n1", RANGES.both)).toBe("ok");
    for (let times = 0; times < 2; times++) {
      expect(kit.apply({ kind: "raise", version: 2 })).toBe("ok");
      expect(versionOf(kit)).toBe(2);
    }
  });

  test("that comes late changes nothing: the version never falls", () => {
    const kit = cluster({ min: 1, max: 3 });
    expect(versionOf(kit)).toBe(3);
    for (const version of [1, 2, 3]) expect(kit.apply({ kind: "raise", version })).toBe("ok");
    expect(versionOf(kit)).toBe(3);
  });

  test("goes up by one at a time", () => {
    const kit = cluster(RANGES.old);
    announce(kit, "n1", { min: 1, max: 3 });
    expect(kit.apply({ kind: "raise", version: 3 })).toBe("CLUSTER_VERSION_TOO_LOW");
    expect(kit.apply({ kind: "raise", version: 2 })).toBe("ok");
    expect(kit.apply({ kind: "raise", version: 3 })).toBe("ok");
    expect(versionOf(kit)).toBe(3);
  });

  test("waits for a member that went back to a program that does not support it", () => {
    const kit = cluster(RANGES.old);
    announce(kit, "n1", RANGES.both);
    announce(kit, "n1", RANGES.old);
    expect(kit.apply({ kind: "raise", version: 2 })).toBe("CLUSTER_RAISE_WAITS");
  });

  test("waits for a member that leaves, until it has left", () => {
    const kit = cluster(RANGES.old);
    join(kit, "n2", RANGES.old);
    announce(kit, "n1", RANGES.both);
    kit.must({ kind: "remove-node", node: "n2" });
    expect(kit.apply({ kind: "raise", version: 2 })).toBe("CLUSTER_RAISE_WAITS");
    kit.must({ kind: "node-removed", node: "n2" });
    expect(kit.apply({ kind: "raise", version: 2 })).toBe("ok");
  });
});

test("ranges are counted over all that joins, announces, drains and leaves", () => {
  const kit = cluster(RANGES.old);
  join(kit, "n2", RANGES.both);
  join(kit, "n2", RANGES.both);
  join(kit, "n3", RANGES.old);
  kit.must({ kind: "drain-node", node: "n3", drained: true });
  expect(rangesOf(kit)).toEqual([
    { ...RANGES.old, members: 2 },
    { ...RANGES.both, members: 1 },
  ]);
  kit.must({ kind: "remove-node", node: "n3" });
  for (let times = 0; times < 2; times++) kit.must({ kind: "node-removed", node: "n3" });
  announce(kit, "n1", RANGES.both);
  expect(rangesOf(kit)).toEqual([{ ...RANGES.both, members: 2 }]);
});
