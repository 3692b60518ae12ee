import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import { systemKeys } from "../scheduler/system/keys.ts";
import type { MemberRow, TicketRow, WorkflowRow } from "../scheduler/system/rows.ts";
import { silentLog } from "../std/log.ts";
import { Directory } from "./directory.ts";
import { NodeRemoval } from "./node-removal.ts";
import type { CallAnswer, GroupStatus } from "./ports.ts";

const DONE: CallAnswer = { kind: "done" };

const LEAVING: MemberRow = {
  kind: "member",
  node: "b",
  name: "b",
  addresses: [],
  api: "",
  storeId: "store of b",
  slots: 1,
  capabilities: [],
  durability: "sync",
  versions: { min: 1, max: 1 },
  version: "1.0.0",
  state: "removing",
};

const WORKFLOW: WorkflowRow = {
  kind: "workflow",
  group: 1,
  name: "w",
  description: "",
  weight: 1,
  revision: 0,
  state: "active",
  replicas: [],
};

const TICKET: TicketRow = {
  kind: "ticket",
  verifier: new Uint8Array(),
  expiresMs: 1,
  usesLeft: 1,
  madeBy: "b",
  revoked: false,
};

/** The saga on the node that leads the system group; `b` is to be removed, and made a ticket. */
function sagaOf(b: {
  isUp: boolean;
  /** Replicas that it has, by group, and whether they vote. */
  readonly replicas: Map<number, boolean>;
  /** What it answers when it is told to hand on its blocks, the last one for ever. */
  readonly answers?: readonly (CallAnswer | undefined)[];
}) {
  const timers = new FakeTimers();
  const proposed: SystemCommand[] = [];
  const asked: number[] = [];
  const directory = new Directory();
  directory.take([
    { key: systemKeys.member("b"), row: LEAVING },
    { key: systemKeys.workflow(1), row: WORKFLOW },
    { key: systemKeys.ticket("t"), row: TICKET },
  ]);
  const status = (group: number): GroupStatus => {
    const votes = b.replicas.get(group);
    const member = { replica: 2, node: "b", votes: votes === true, match: 1, active: true };
    return {
      ...{ group, term: 1, leader: 1, lastIndex: 1, commitIndex: 1 },
      members: votes === undefined ? [] : [member],
    };
  };
  const saga = new NodeRemoval({
    ...{ clock: timers, timers, log: silentLog, directory },
    leads: () => true,
    isUp: () => b.isUp,
    caller: {
      ask: async (_to, _call, timeoutMs) => {
        const { answers = [DONE] } = b;
        const answer = answers[Math.min(asked.length, answers.length - 1)];
        asked.push(timers.nowMs());
        // What is not answered is given up in its time.
        if (answer === undefined) await new Promise<void>((end) => timers.after(timeoutMs, end));
        return answer;
      },
    },
    groupStatus: (group) => Promise.resolve(status(group)),
    propose: (command) => {
      proposed.push(command);
      if (command.kind === "node-removed")
        directory.take([{ key: systemKeys.member("b"), row: { ...LEAVING, state: "removed" } }]);
      return Promise.resolve();
    },
  });
  saga.start();
  return { timers, proposed, asked };
}

const END: readonly SystemCommand[] = [
  { kind: "revoke-ticket", id: "t" },
  { kind: "node-removed", node: "b" },
];

test("a node is removed when no group counts on it, with the tickets that it made", async () => {
  const replicas = new Map([
    [0, true],
    [1, true],
  ]);
  const { timers, proposed, asked } = sagaOf({ isUp: true, replicas });
  await timers.advance(5_000);
  replicas.set(0, false);
  await timers.advance(5_000);
  expect([asked, proposed]).toEqual([[], []]);
  // It listens to the system group to the end.
  replicas.delete(1);
  await timers.advance(5_000);
  expect(asked).toHaveLength(1);
  expect(proposed).toEqual(END);
});

test("a question for its blocks that gets lost is asked again within half a minute", async () => {
  const answers = [undefined, undefined, DONE];
  const { timers, proposed, asked } = sagaOf({ isUp: true, replicas: new Map(), answers });
  await timers.advance(31_000);
  expect(proposed).toEqual([]);
  await timers.advance(40_000);
  expect(asked).toHaveLength(3);
  expect(proposed).toEqual(END);
});

test("blocks that nobody else could take keep it from being removed", async () => {
  const stay: CallAnswer = {
    kind: "error",
    code: "NODE_BLOCKS_STAY",
    message: "nobody",
    details: {},
  };
  const { timers, proposed, asked } = sagaOf({ isUp: true, replicas: new Map(), answers: [stay] });
  await timers.advance(120_000);
  expect(asked.length).toBeGreaterThan(60);
  expect(proposed).toEqual([]);
});

test("a node that is down for a moment hands its blocks on when it is back", async () => {
  const b = { isUp: false, replicas: new Map<number, boolean>() };
  const { timers, proposed, asked } = sagaOf(b);
  await timers.advance(12_000);
  expect(proposed).toEqual([]);
  b.isUp = true;
  await timers.advance(2_000);
  expect(asked).toHaveLength(1);
  expect(proposed).toEqual(END);
});

test("a dead node is removed without being asked", async () => {
  const { timers, proposed, asked } = sagaOf({ isUp: false, replicas: new Map() });
  await timers.advance(20_000);
  expect(asked).toEqual([]);
  expect(proposed).toEqual(END);
});
