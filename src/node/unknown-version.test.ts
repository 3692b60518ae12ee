/** R10: what a node meets of a version that it does not know stops the replica or the stream, and is named. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { eventually, startNode } from "../../test/lib/mesh-nodes.ts";
import { framesOf, startRogue } from "../../test/lib/mesh-rogue.ts";
import { soleMembership } from "../actors/membership.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import { decodeRemoteError } from "../mesh/fields.ts";
import { encodeFrame } from "../mesh/framing.ts";
import { CONTROL_KIND, CONTROL_PROTOCOL, encodeHello } from "../mesh/hello.ts";
import { SUPPORTED_VERSIONS } from "../scheduler/system/version-range.ts";
import { HASH64_ZERO } from "../std/hash64.ts";
import { silentLog } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import { seededRandom } from "../std/random.ts";
import { watchedDisk } from "../store/watched-disk.ts";
import { type Composed, composeNode } from "./compose.ts";
import { readConfig } from "./config/config.ts";
import { FrameMesh } from "./frame-mesh.ts";
import { NodeStore } from "./node-store.ts";
import { nodeOptions } from "./options.ts";

// Real handshakes on a busy machine take their time.
vi.setConfig({ testTimeout: 20_000 });

/** A frame of the version after the one that there is, with an empty body. */
const LATER = Uint8Array.of(0x92, 2, 0x90);

const ENOUGH_MS = 20_000;

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const newDisk = (): FakeDisk => new FakeDisk({ random: seededRandom(1) });

function absent(): never {
  throw new Error("nothing of this is used here");
}

/** The only node of a cluster, composed as the program does, with all that it logged as an error. */
async function nodeOn(disk: FakeDisk, founds: boolean) {
  const asked = readConfig([], {});
  if (asked.kind !== "run") throw new Error("no node was asked for");
  const timers = new FakeTimers();
  const errors: unknown[] = [];
  const composed: Composed = await composeNode({
    ...{ clock: timers, wall: timers, timers, random: seededRandom(2) },
    disk: watchedDisk(disk, timers),
    log: { ...silentLog, error: (_, fields) => errors.push(fields) },
    mesh: new FrameMesh("n1"),
    snapshots: { fetch: absent, serve: () => {} },
    runs: {
      ...{ listBlocks: absent, haveBlocks: absent, ensureBlocks: absent, ensure: absent },
      coded: { store: absent, rebuild: absent, offer: absent, drop: absent },
      ...{ takeBlocks: absent, verifyBlocks: absent, verifyStore: absent },
      ...{ blockFacts: absent, condemnBlocks: absent, deleteCondemned: absent, runBlocks: absent },
    },
    runner: { beginNoMore: () => {}, run: absent, output: absent },
    options: nodeOptions(asked.config),
    clusterId: "cluster",
    member: {
      ...{ name: "n1", addresses: [], api: "", slots: 0, capabilities: [], version: "0" },
      ...{ durability: "sync", versions: SUPPORTED_VERSIONS },
    },
    ...{ seeds: [], run: "run", boot: 1, bugs: NO_BUGS },
    founding: founds
      ? (member) => ({
          ...{ kind: "found", clusterId: "cluster", member },
          adminTokenHash: "0".repeat(64),
        })
      : undefined,
    ...{ onDirectory: () => {}, onUnsupported: absent },
  });
  closing.push(() => composed.node.stop());
  return { node: composed.node, store: composed.store, timers, errors };
}

/** What the log named as errors, and why the system group's replica does not serve. */
const shown = (node: Composed["node"], errors: readonly unknown[]): string =>
  JSON.stringify([errors, node.stoppedReplicas.get(SYSTEM_GROUP)]);

/** The replica of the system group was stopped, and the log says so once. */
const STOPPED =
  /^\[\[\{"group":0,"replica":1,"reason":"WIRE_VERSION_UNKNOWN: [^"]*"\}\],"WIRE_VERSION_UNKNOWN: /;

describe("of a later version", () => {
  test("an entry stops the replica before it, also after a restart, and is named", async () => {
    const disk = newDisk();
    const first = await nodeOn(disk, true);
    await first.node.start();
    await first.timers.advance(ENOUGH_MS);
    const { replica } = first.node.system;
    if (replica?.leadingTerm === undefined) throw new Error("the node does not lead");
    const { appliedIndex } = replica;
    expect(replica.core.propose([LATER]).kind).toBe("accepted");
    first.node.host.wake(SYSTEM_GROUP);
    await first.timers.advance(ENOUGH_MS);
    expect(shown(first.node, first.errors)).toMatch(STOPPED);
    expect(replica.appliedIndex).toBe(appliedIndex);
    first.node.stop();
    disk.crash("process");
    const again = await nodeOn(disk, false);
    await again.node.start();
    expect(again.node.directory.cluster?.id).toBe("cluster");
    await again.timers.advance(ENOUGH_MS);
    expect(shown(again.node, again.errors)).toMatch(STOPPED);
  });

  test("a row that came with a snapshot keeps the replica from being opened", async () => {
    const disk = newDisk();
    const membership = soleMembership({ replica: 1, node: "n1", storeId: "s" });
    const store = await NodeStore.open({
      ...{ disk, random: seededRandom(2), timers: new FakeTimers(), log: silentLog },
      ...{ clusterId: "cluster", nodeId: "n1", replaceable: false },
    });
    const group = { group: SYSTEM_GROUP, replica: 1, bootstrap: membership, founder: false };
    await store.createReplica(group);
    const info = { snapshot: "one", index: 5, term: 1, membership, hash: HASH64_ZERO };
    const install = await store.beginInstall(SYSTEM_GROUP, info);
    await install.put([{ key: "n/n9", value: LATER }]);
    await install.finish({ index: 5, term: 1, membership });
    disk.crash("process");
    const { node } = await nodeOn(disk, false);
    await expect(node.start()).rejects.toMatchObject({ code: "WIRE_VERSION_UNKNOWN" });
    expect(node.directory.everybody()).toEqual([]);
  });

  test("a message closes the sender's stream, and both sides are told which code", async () => {
    const rogue = await startRogue();
    closing.push(() => rogue.close());
    const heard: unknown[] = [];
    const frames = new FrameMesh("here");
    frames.listen({
      message: (_, message) => heard.push(message),
      peerUp: () => {},
      peerDown: () => {},
    });
    const here = await startNode({ handlers: frames });
    closing.push(() => here.mesh.close());
    let accepted = 0;
    await rogue.host.handle(CONTROL_PROTOCOL, () => {
      accepted += 1;
    });
    here.mesh.setMembers([rogue.member]);
    const connection = await rogue.dial(here.mesh);
    const stream = await connection.newStream(CONTROL_PROTOCOL);
    const replies = framesOf(stream);
    stream.send(encodeFrame(CONTROL_KIND.hello, encodeHello("00".repeat(16))));
    await eventually("it is up", () => accepted === 1 && here.mesh.peersUp().length === 1);
    stream.send(encodeFrame(CONTROL_KIND.data, LATER));
    const told = decodeRemoteError((await replies).at(-1)?.payload ?? new Uint8Array());
    expect(told.details).toMatchObject({ remoteCode: "WIRE_VERSION_UNKNOWN" });
    await eventually("it is disconnected", () => connection.status !== "open");
    expect(here.warnings).toMatchObject([
      { fields: { node: rogue.node, code: "WIRE_VERSION_UNKNOWN" } },
    ]);
    expect(heard).toEqual([]);
  });
});
