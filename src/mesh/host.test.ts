import { generateKeyPair } from "@libp2p/crypto/keys";
import { afterEach, expect, test } from "vitest";
import { createHost, type Host } from "./host.ts";

const SETTLE_MS = 100;

const hosts: Host[] = [];

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop();
});

async function startedHost(): Promise<Host> {
  const host = await createHost({
    privateKey: await generateKeyPair("Ed25519"),
    listen: ["/ip4/127.0.0.1/tcp/0"],
    advertise: [],
    gater: {},
    serves: () => false,
  });
  hosts.push(host);
  await host.start();
  return host;
}

function isAbortable(value: unknown): value is { abort(reason: Error): void } {
  return typeof value === "object" && value !== null && "abort" in value;
}

/** Errors that nobody has caught, which would end a node's process. */
async function uncaughtDuring(run: () => Promise<void>): Promise<readonly unknown[]> {
  const caught: unknown[] = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const onError = (error: unknown): void => {
    caught.push(error);
  };
  process.on("uncaughtException", onError);
  try {
    await run();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  } finally {
    process.off("uncaughtException", onError);
    for (const listener of before) process.on("uncaughtException", listener);
  }
  return caught;
}

test("a connection that ends in the moment in which a stream is opened ends nothing else", async () => {
  const [one, other] = [await startedHost(), await startedHost()];
  const caught = await uncaughtDuring(async () => {
    const connection = await one.dial(other.getMultiaddrs());
    // What the libraries have to say of a new connection is said then.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const opening = connection.newStream("/nobody/serves/this/1").catch((error: unknown) => error);
    // What is below the muxer, as when the other side's process is killed just now.
    const below: unknown = Reflect.get(Object(Reflect.get(connection, "muxer")), "maConn");
    if (!isAbortable(below)) throw new Error("the muxer's connection is not where it was");
    below.abort(new Error("gone"));
    expect(await opening).toBeInstanceOf(Error);
  });
  expect(caught).toEqual([]);
});
