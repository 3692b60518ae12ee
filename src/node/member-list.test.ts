import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { Directory } from "../actors/directory.ts";
import { systemKeys } from "../scheduler/system/keys.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { silentLog } from "../std/log.ts";
import type { KnownMember } from "../wire/join.ts";
import { type ListedReplica, MemberList, type MemberListDeps } from "./member-list.ts";

function member(node: string): MemberRow {
  const about = { name: node, addresses: [`/${node}`], api: "", storeId: `s${node}` };
  return {
    kind: "member",
    node,
    ...about,
    durability: "sync",
    versions: { min: 1, max: 1 },
    slots: 1,
    capabilities: [],
    version: "",
    state: "joined",
  };
}

/** A node that has a replica of the system group, or has lost it. */
function nodeOf(members: readonly string[]): MemberListDeps["node"] {
  const directory = new Directory();
  if (members.length === 0) return { directory, system: { replica: undefined } };
  directory.take([
    { key: "c/", row: { kind: "cluster", id: "c", nextGroup: 1, version: 1 } },
    ...members.map((node) => ({ key: systemKeys.member(node), row: member(node) })),
  ]);
  return { directory, system: { replica: replicaLedBy(1, 0) } };
}

function replicaLedBy(leader: number | undefined, silentTicks: number): ListedReplica {
  return { core: { status: () => ({ leader, silentTicks }) } };
}

function listOf(node: MemberListDeps["node"], peers: Readonly<Record<string, MemberList>>) {
  const timers = new FakeTimers();
  const asked: string[] = [];
  const taken: KnownMember[][] = [];
  const list = new MemberList({
    timers,
    log: silentLog,
    node,
    silentTicksMax: 20,
    known: () => ["x", "y"],
    take: (members) => taken.push([...members]),
    streams: {
      requestBulk: (to, header) => {
        asked.push(to);
        const peer = peers[to];
        if (peer === undefined) throw new Error("not connected");
        return peer.handler("me", header.subarray(1), new AbortController().signal);
      },
    },
  });
  return { list, timers, asked, taken };
}

test("a node that lost its store learns from any member who belongs, also of those who came later", async () => {
  const there = listOf(nodeOf(["x", "y", "later"]), {});
  const lost = listOf(nodeOf([]), { y: there.list });
  lost.list.start();
  await lost.timers.advance(4_100);
  expect(lost.asked).toEqual(["x", "y"]);
  expect(lost.taken.map((members) => members.map(({ node }) => node))).toEqual([
    ["later", "x", "y"],
  ]);
  lost.list.stop();
  await lost.timers.advance(10_000);
  expect(lost.asked).toHaveLength(2);
});

test("a replica without rows, or whose leader is unknown or silent for long, tells nothing new", async () => {
  const { directory } = nodeOf(["x", "mine"]);
  const nodes: readonly MemberListDeps["node"][] = [
    { directory: new Directory(), system: { replica: replicaLedBy(1, 0) } },
    { directory, system: { replica: replicaLedBy(undefined, 0) } },
    { directory, system: { replica: replicaLedBy(1, 20) } },
  ];
  for (const node of nodes) {
    const there = listOf(nodeOf(["x", "y", "later"]), {});
    const { list, timers, taken } = listOf(node, { x: there.list });
    list.start();
    await timers.advance(2_100);
    list.stop();
    const names = taken.flat().map((member) => member.node);
    // What is known here stays, as the other's rows may be the older ones.
    const more = node.directory === directory ? ["mine"] : [];
    expect(names).toEqual(["later", "x", "y", ...more]);
  }
});

test("a node with a replica asks nobody, and one without says nothing", async () => {
  const fine = listOf(nodeOf(["x"]), {});
  fine.list.start();
  await fine.timers.advance(10_000);
  expect(fine.asked).toEqual([]);
  const empty = listOf(nodeOf([]), {});
  const other = listOf(nodeOf([]), { x: empty.list, y: empty.list });
  other.list.start();
  await other.timers.advance(10_000);
  expect(other.asked.length).toBeGreaterThan(2);
  expect(other.taken).toEqual([]);
});
