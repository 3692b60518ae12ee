/** A member that lies, on real streams to a real node: what it may not touch stays as it was, and it is named. */

import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, expect, test } from "vitest";
import { asList, asRecord } from "../../scripts/lib/json.ts";
import type { PeerMessage } from "../../src/actors/ports.ts";
import { encodeFrame } from "../../src/mesh/framing.ts";
import { CONTROL_KIND, CONTROL_PROTOCOL, encodeHello } from "../../src/mesh/hello.ts";
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
