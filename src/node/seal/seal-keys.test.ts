import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { expect, test } from "vitest";
import { FakeTimers } from "../../../test/lib/fake-timers.ts";
import { memberNamed, SystemKit } from "../../../test/lib/system-kit.ts";
import { Directory } from "../../actors/directory.ts";
import { peerIdOf } from "../../mesh/keys.ts";
import type { SystemCommand } from "../../scheduler/system/commands.ts";
import { Deadline } from "../../std/deadline.ts";
import { silentLog } from "../../std/log.ts";
import { KeyGiver } from "./key-giver.ts";
import { SealKeys } from "./seal-keys.ts";
import { VolumeKeys } from "./volume-keys.ts";
import { KeyUnwrapper } from "./wrapped-key.ts";

const GROUP = 1;
const FOUNDER = "n1";

/** The real rows of a cluster, and nodes with keys of their own that look at them. */
class Cluster {
  readonly kit = SystemKit.founded(1);
  readonly timers = new FakeTimers();
  readonly directory = new Directory();
  readonly up = new Set<string>();
  readonly commands: SystemCommand[] = [];

  static make(): Cluster {
    const cluster = new Cluster();
    const { kit } = cluster;
    const verifier = new Uint8Array([1]);
    kit.must({ kind: "ticket", id: "t", verifier, expiresMs: 1e9, uses: 9, madeBy: FOUNDER });
    const replicas = [{ replica: 1, node: FOUNDER, storeId: "s", role: "voter" }] as const;
    const about = { name: "w", description: "", weight: 1, exclusive: true, replicas };
    kit.must({ kind: "create-workflow", ...about });
    kit.must({ kind: "workflow-active", group: GROUP });
    cluster.run({ kind: "drain-node", node: FOUNDER, drained: true });
    return cluster;
  }

  run(command: SystemCommand): void {
    this.commands.push(command);
    this.kit.must(command);
    this.directory.take(this.kit.effects.splice(0));
  }

  /** A node that has joined. */
  async join(): Promise<{
    readonly id: string;
    readonly keys: SealKeys;
    readonly giver: KeyGiver;
  }> {
    const key = privateKeyToProtobuf(await generateKeyPair("Ed25519"));
    const id = peerIdOf(key);
    this.run({ kind: "join", ticket: "t", member: memberNamed(id) });
    this.up.add(id);
    const unwrapper = new KeyUnwrapper(id, key);
    const keys = new SealKeys({ self: id, unwrapper, directory: this.directory });
    const giver = new KeyGiver({
      ...{ self: id, keys, directory: this.directory, timers: this.timers, log: silentLog },
      isUp: (node) => this.up.has(node),
      propose: (command) => Promise.resolve(this.run(command)),
    });
    return { id, keys, giver };
  }
}

test("all members have the key that one of them made, and who joins later is given it", async () => {
  const cluster = Cluster.make();
  const [one, two] = [await cluster.join(), await cluster.join()];
  cluster.run(one.keys.create(GROUP));
  const key = one.keys.find(GROUP);
  expect(key?.symmetricKeySize).toBe(32);
  expect(two.keys.find(GROUP)?.export()).toEqual(key?.export());
  const late = await cluster.join();
  expect(late.keys.find(GROUP)).toBe(undefined);
  for (const { giver } of [one, two, late]) giver.start();
  await cluster.timers.advance(2_000);
  expect(late.keys.find(GROUP)?.export()).toEqual(key?.export());
  // One of those who have it, once.
  expect(cluster.commands.filter(({ kind }) => kind === "seal-wrap")).toHaveLength(1);
});

test("who was removed is given no key that is made, or given, after that", async () => {
  const cluster = Cluster.make();
  const [one, gone] = [await cluster.join(), await cluster.join()];
  cluster.run({ kind: "remove-node", node: gone.id });
  cluster.run(one.keys.create(GROUP));
  one.giver.start();
  await cluster.timers.advance(2_000);
  expect(one.keys.find(GROUP)).not.toBe(undefined);
  expect(gone.keys.find(GROUP)).toBe(undefined);
});

test("when the first node that has a key is down the next gives it", async () => {
  const cluster = Cluster.make();
  const [one, two] = [await cluster.join(), await cluster.join()];
  cluster.run(one.keys.create(GROUP));
  const late = await cluster.join();
  const row = cluster.directory.sealKey(GROUP);
  const [first] = (row?.wraps ?? []).filter(({ node }) => node !== FOUNDER);
  cluster.up.delete(first?.node ?? "");
  const left = first?.node === one.id ? two : one;
  left.giver.start();
  await cluster.timers.advance(2_000);
  expect(late.keys.find(GROUP)).not.toBe(undefined);
});

test("a key that was exported comes back only as the key of its workflow", async () => {
  const cluster = Cluster.make();
  const one = await cluster.join();
  const volume = (keys: SealKeys): VolumeKeys =>
    new VolumeKeys(
      {
        ...{ keys, view: { fresh: () => Promise.resolve() } },
        writer: {
          system: (command) => {
            cluster.run(command);
            return Promise.resolve({ kind: "ok" });
          },
        },
      },
      cluster.timers,
    );
  const deadline = new Deadline(cluster.timers, 1_000);
  await volume(one.keys).ensure(GROUP, deadline);
  const { key } = await volume(one.keys).export(GROUP, deadline);
  const late = await cluster.join();
  const waiting = volume(late.keys).of(GROUP, deadline);
  const missing = expect(waiting).rejects.toMatchObject({ code: "FS_KEY_MISSING" });
  await cluster.timers.advance(1_500);
  await missing;
  const wrong = volume(late.keys).restore(GROUP, "w".repeat(43), deadline);
  await expect(wrong).rejects.toMatchObject({ code: "FS_KEY_WRONG" });
  expect(await volume(late.keys).restore(GROUP, key, deadline)).toBe(1);
  expect((await volume(late.keys).export(GROUP, deadline)).key).toBe(key);
});
