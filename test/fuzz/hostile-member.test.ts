/** A member that lies, on real streams to a real node: what it may not touch stays as it was, and it is named. */

import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, expect, test } from "vitest";
import { asList, asRecord } from "../../scripts/lib/json.ts";
import type { PeerMessage } from "../../src/actors/ports.ts";
import { encodeFrame } from "../../src/mesh/framing.ts";
import { CONTROL_KIND, CONTROL_PROTOCOL, encodeHello } from "../../src/mesh/hello.ts";
import type { Message } from "../../src/raft/messages.ts";
import { peerMessageFormat } from "../../src/wire/peer-message.ts";
import { joinAsRogue } from "./surfaces/member.ts";
import { ask, checkWell, type FuzzedNode, startNode } from "./surfaces/node.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The system group, as the node tells of it. */
async function systemGroup(node: FuzzedNode): Promise<Readonly<Record<string, unknown>>> {
  const { groups } = asRecord(await ask(node, "GET", "/v1/raft"), "the groups");
  const [first] = asList(groups, "groups").map((group) => asRecord(group, "a group"));
  if (first === undefined) throw new Error("the node tells of no group");
  return first;
}

/** The replica of the system group that a node is given. */
async function replicaOf(node: FuzzedNode, name: string): Promise<number> {
  for (let look = 0; look < 200; look++) {
    const members = asList((await systemGroup(node))["members"], "members");
    const own = members.map((one) => asRecord(one, "a member")).find((one) => one["node"] === name);
    if (own !== undefined) return Number(own["replica"]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} is no member: ${JSON.stringify(await systemGroup(node))}`);
}

async function logged(node: FuzzedNode, text: string, by: string): Promise<void> {
  for (let look = 0; look < 200; look++) {
    if (
      node
        .log()
        .split("\n")
        .some((line) => line.includes(text) && line.includes(by))
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the log does not say of ${by} that ${text}`);
}

const FOREIGN = { from: 99, to: 1 };

const LIES: readonly (readonly [string, string, PeerMessage])[] = [
  [
    "leads a group that it does not belong to",
    "a node writes for a group that it is not known in",
    {
      kind: "raft",
      items: [
        { group: 0, message: { kind: "heartbeat", ...FOREIGN, term: 50, commit: 1, round: 1 } },
      ],
    },
  ],
  [
    "speaks of the last of all terms",
    "a node speaks of a term that cannot be",
    {
      kind: "raft",
      items: [{ group: 0, message: { kind: "timeout-now", ...FOREIGN, term: 2 ** 53 - 1 } }],
    },
  ],
  [
    "says that the leader's replica was removed",
    "a node says that a replica was removed which has a leader",
    { kind: "replica-gone", group: 0, replica: 1, storeId: "", below: 100 },
  ],
  [
    "tells of a cluster version that no program supports",
    "a node tells of a cluster version that there is not",
    { kind: "cluster-version", version: 99 },
  ],
];

/** What is known of the group that is lied to. */
interface Truth {
  readonly head: { readonly from: number; readonly to: number; readonly term: number };
  readonly lastIndex: number;
}

const WHOLE = {
  voters: [1],
  votersOutgoing: [],
  learners: [2],
  learnersNext: [],
  autoLeave: false,
};

/** Claims of the rogue's own replica, a learner of the system group, each of which cannot be true. */
const CLAIMS: readonly ((truth: Truth) => Message)[] = [
  ({ head }) => ({ kind: "append-response", ...head, index: 1_000_000, rejection: undefined }),
  ({ head, lastIndex }) => ({
    ...{ kind: "append-response", ...head, index: lastIndex + 1_000 },
    rejection: { hintIndex: 2 ** 53 - 1, hintTerm: 2 ** 53 - 1 },
  }),
  ({ head }) => ({ kind: "heartbeat-response", ...head, round: 2 ** 53 - 1 }),
  ({ head }) => ({ kind: "heartbeat", ...head, commit: 1_000_000, round: 0 }),
  ({ head }) => ({ kind: "heartbeat", ...head, term: head.term + 1, commit: 1_000_000, round: 0 }),
  ({ head }) => ({ kind: "commit", ...head, term: head.term + 1, commit: 1_000_000 }),
  ({ head }) => ({ kind: "timeout-now", ...head }),
  ({ head }) => ({ kind: "quiet", ...head, index: 1, due: false }),
  ({ head }) => ({ kind: "read-index-response", ...head, context: 1, index: 0 }),
  ({ head: { term, ...ends }, lastIndex }) => ({
    ...{ kind: "append", ...ends, term: term + 1, commit: 1_000_000 },
    ...{ previousIndex: lastIndex, previousTerm: term },
    entries: [{ kind: "empty", index: 1, term }],
  }),
  ({ head, lastIndex }) => ({
    ...{ kind: "snapshot", ...head, term: head.term - 1 },
    snapshot: {
      ...{ index: lastIndex + 1_000, term: head.term - 1 },
      ...{ configuration: WHOLE, descriptor: new Uint8Array() },
    },
  }),
  ({ head, lastIndex }) => ({
    ...{ kind: "snapshot", ...head, term: head.term + 1 },
    snapshot: {
      ...{ index: lastIndex + 1_000, term: 2 ** 53 - 1 },
      ...{ configuration: WHOLE, descriptor: new Uint8Array() },
    },
  }),
];

test("whatever a learner claims as itself that cannot be, its leader leads on and commits, and the log names it", async () => {
  const node = await startNode();
  closing.push(() => node.stop());
  await checkWell(node);
  const rogue = await joinAsRogue(node);
  closing.push(() => rogue.close());
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${node.meshPort}`);
  const stream = await (await rogue.host.dial(address)).newStream(CONTROL_PROTOCOL);
  stream.send(encodeFrame(CONTROL_KIND.hello, encodeHello("ab".repeat(16))));
  // Whoever is connected is given a replica.
  const from = await replicaOf(node, "rogue");
  const before = await systemGroup(node);
  const head = { from, to: 1, term: Number(before["term"]) };
  const say = (message: Message): void => {
    const lie: PeerMessage = { kind: "raft", items: [{ group: 0, message }] };
    stream.send(encodeFrame(CONTROL_KIND.data, peerMessageFormat.encode(lie)));
  };
  const [first] = CLAIMS;
  // Before the node has opened its own stream it takes no data.
  for (let time = 0; time < 20; time++) {
    if (first !== undefined) say(first({ head, lastIndex: 0 }));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await logged(node, "a node says what cannot be", rogue.node);
  for (const claim of CLAIMS) {
    say(claim({ head, lastIndex: Number((await systemGroup(node))["lastIndex"]) }));
    await checkWell(node);
  }
  expect(stream.status).toBe("open");
  const after = await systemGroup(node);
  expect([after["led"], after["term"]]).toEqual([true, before["term"]]);
});

test.for(LIES)("a member that %s changes nothing, and the log names it", async ([, said, lie]) => {
  const node = await startNode();
  closing.push(() => node.stop());
  await checkWell(node);
  const rogue = await joinAsRogue(node);
  closing.push(() => rogue.close());
  const before = await systemGroup(node);
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${node.meshPort}`);
  const stream = await (await rogue.host.dial(address)).newStream(CONTROL_PROTOCOL);
  stream.send(encodeFrame(CONTROL_KIND.hello, encodeHello("ab".repeat(16))));
  const frame = encodeFrame(CONTROL_KIND.data, peerMessageFormat.encode(lie));
  // Before the node has opened its own stream it takes no data; once more does no harm.
  for (let time = 0; time < 20; time++) {
    stream.send(frame);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await logged(node, said, rogue.node);
  await checkWell(node);
  const after = await systemGroup(node);
  expect([before["led"], after["led"]]).toEqual([true, true]);
  expect(after["term"]).toBe(before["term"]);
});
