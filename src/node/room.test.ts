import { expect, test } from "vitest";
import {
  checkRoomForNode,
  checkRoomForWorkflow,
  NODES_MAX,
  TICKETS_MAX,
  ticketsToForget,
  WORKFLOWS_MAX,
} from "./room.ts";

const MEMBER = {
  kind: "member",
  node: "n1",
  name: "n1",
  addresses: [],
  api: "",
  storeId: "s",
  slots: 1,
  capabilities: [],
  durability: "sync",
  versions: { min: 1, max: 1 },
  version: "1",
  state: "joined",
} as const;

const WORKFLOW = {
  kind: "workflow",
  group: 1,
  name: "text",
  description: "",
  weight: 1,
  revision: 0,
  state: "active",
  replicas: [],
} as const;

function tickets(count: number, how: (at: number) => { expiresMs?: number; usesLeft?: number }) {
  return Array.from({ length: count }, (_, at) => ({
    kind: "ticket" as const,
    id: `t${at}`,
    verifier: new Uint8Array(32),
    expiresMs: 2000,
    usesLeft: 1,
    madeBy: "n1",
    revoked: false,
    ...how(at),
  }));
}

test("a full cluster takes no new node, and a member that asks again", () => {
  const members = Array.from({ length: NODES_MAX }, () => MEMBER);
  const directory = (known: boolean, count = NODES_MAX) => ({
    member: () => (known ? MEMBER : undefined),
    members: () => members.slice(0, count),
  });
  expect(() => checkRoomForNode(directory(false), "n2")).toThrow(/1000 nodes/);
  checkRoomForNode(directory(true), "n1");
  checkRoomForNode(directory(false, NODES_MAX - 1), "n2");
});

test("there are no more workflows than may be, and one that is there may be applied again", () => {
  const rows = Array.from({ length: WORKFLOWS_MAX }, () => WORKFLOW);
  const directory = (known: boolean, count = WORKFLOWS_MAX) => ({
    workflowNamed: () => (known ? WORKFLOW : undefined),
    workflows: () => rows.slice(0, count),
  });
  expect(() => checkRoomForWorkflow(directory(false), "more")).toThrow(/4000 workflows/);
  checkRoomForWorkflow(directory(true), "text");
  checkRoomForWorkflow(directory(false, WORKFLOWS_MAX - 1), "more");
});

test("dead tickets are forgotten when there are too many, the oldest first, and open ones never", () => {
  expect(
    ticketsToForget(
      tickets(TICKETS_MAX - 1, () => ({ usesLeft: 0 })),
      1000,
    ),
  ).toEqual([]);
  const some = tickets(TICKETS_MAX, (at) => {
    if (at === 7) return { expiresMs: 500 };
    return at === 3 ? { usesLeft: 0, expiresMs: 900 } : {};
  });
  expect(ticketsToForget(some, 1000)).toEqual(["t7", "t3"]);
  const all = tickets(TICKETS_MAX, () => ({ expiresMs: 10 }));
  expect(ticketsToForget(all, 1000).length).toBeLessThan(TICKETS_MAX / 2);
  expect(() =>
    ticketsToForget(
      tickets(TICKETS_MAX, () => ({})),
      1000,
    ),
  ).toThrow(/revoke/);
});
