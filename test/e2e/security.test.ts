/** What strangers, former members and other users of a machine get: nothing. docs/security.md tells why. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseTicket, printTicket } from "../../src/node/ticket-text.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { callHttp } from "../lib/e2e-http.ts";
import { NODE, ROOT } from "../lib/e2e-nodes.ts";
import { runProgram } from "../lib/e2e-process.ts";

/** From one membership to another, with the copying of logs on a busy machine. */
const CHANGE_MS_MAX = 60_000;
/** A node that is refused has ended by itself long before. */
const REFUSAL_MS_MAX = 60_000;

const cluster = useCluster(3, { nodeArgs: "--log-level debug" });

/** All files under a folder. */
function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What processes of this machine were started with, and their environments as far as we may look. */
function processes(): readonly { readonly args: string; readonly environment: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({
      args: contentOf(`/proc/${pid}/cmdline`),
      environment: contentOf(`/proc/${pid}/environ`),
    }));
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It has ended, or is another user's.
  }
}

/** Runs a node that is expected to end by itself. */
function runNode(number: number, options: { readonly ticket: string }) {
  const env = { PATH: process.env["PATH"], JOBX_JOIN: options.ticket };
  const places = ["--listen", "/ip4/127.0.0.1/tcp/0", "--api", "127.0.0.1:0"];
  const args = [
    join(ROOT, "bin/jobx-node.js"),
    "--data",
    join(cluster.home(number), "data"),
    ...places,
  ];
  return runProgram(NODE, args, { env, msMax: REFUSAL_MS_MAX });
}

const names = async (at: number): Promise<readonly string[]> =>
  (await cluster.client(at).nodes()).map(({ name }) => name).sort();

test("a ticket is in the environment of the node that joined by it, and in no list of processes", () => {
  const mine = processes().filter(({ args }) => args.includes(cluster.folder));
  expect(mine.length).toBeGreaterThanOrEqual(3);
  expect(mine.filter(({ environment }) => environment.includes("jobx1-")).length).toBe(2);
  expect(mine.filter(({ args }) => args.includes("jobx1-"))).toEqual([]);
});

test("only their owner may look into the data of nodes, and read their keys and tokens", () => {
  for (const number of [1, 2, 3]) {
    const data = join(cluster.home(number), "data");
    expect(statSync(data).mode & 0o777).toBe(0o700);
    for (const name of ["node-key", "cluster.json", "admin-token"])
      expect([name, statSync(join(data, name)).mode & 0o777]).toEqual([name, 0o600]);
  }
});

/** What a node that joined honours, as its command line reads it. */
function ownToken(number: number): string {
  return readFileSync(join(cluster.home(number), "data/admin-token"), "utf8").trim();
}

test("with nothing but the data directory of a node that joined, its command line is an admin there and nowhere else", async () => {
  const { JOBX_API, JOBX_TOKEN, ...rest } = process.env;
  const env = { ...rest, JOBX_DATA: join(cluster.home(2), "data") };
  const args = [join(ROOT, "bin/jobx.js"), "cluster", "ticket", "--json"];
  const { code, stdout } = await runProgram(NODE, args, { env, msMax: REFUSAL_MS_MAX });
  expect([code, stdout]).toEqual([0, expect.stringContaining("jobx1-")]);
  const headers = { authorization: `Bearer ${ownToken(2)}` };
  for (const [number, status] of [
    [1, 401],
    [2, 200],
    [3, 401],
  ] as const) {
    const answer = await callHttp(cluster.api(number), { path: "/v1/tokens", headers });
    expect([number, answer.status]).toEqual([number, status]);
  }
});

test("tokens, tickets and keys are in no log at any level, in no answer, and on no other node's disk", async () => {
  const client = cluster.client(2);
  const made = await client.createToken({ name: "reader", role: "read", workflows: null });
  const { ticket } = await client.createTicket({ uses: 3 });
  const { secret } = parseTicket(ticket);
  const keys = [1, 2, 3].map((number) => readFileSync(join(cluster.home(number), "data/node-key")));
  const forms = (bytes: Uint8Array): readonly string[] => [
    Buffer.from(bytes).toString("hex"),
    Buffer.from(bytes).toString("base64url"),
    Buffer.from(bytes).toString("latin1"),
  ];
  const own = [2, 3].map(ownToken);
  const tokens = [cluster.token, made.token, ...own];
  const secrets = [...tokens, ticket, ...forms(secret), ...keys.flatMap(forms)];
  const found = (text: string): readonly number[] =>
    secrets.flatMap((one, index) => (text.includes(one) ? [index] : []));
  // Each is used, rightly and wrongly, so that there is something to be logged.
  for (const token of [...tokens, `${made.token}x`]) {
    for (const path of [
      "/v1/nodes",
      "/v1/tokens",
      "/v1/none",
      "/metrics",
      "/v1/tickets",
      "/v1/raft",
      "/v1/raft/replicas",
    ]) {
      for (const number of [1, 2, 3]) {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await callHttp(cluster.api(number), { path, headers });
        expect([path, found(JSON.stringify(answer))]).toEqual([path, []]);
      }
    }
  }
  await expect(client.revokeTicket(ticket)).rejects.toMatchObject({ code: "API_INPUT_INVALID" });
  for (const number of [1, 2, 3]) {
    const home = cluster.home(number);
    const log = readFileSync(join(home, "log"), "latin1");
    expect(log).toContain('"msg":"started"');
    expect(found(log)).toEqual([]);
    const files = filesUnder(join(home, "data")).filter(
      (path) => !/(?:admin-token|node-key)$/.test(path),
    );
    expect(files.length).toBeGreaterThan(5);
    for (const file of files)
      expect([file, found(readFileSync(file, "latin1"))]).toEqual([file, []]);
  }
});

test("a revoked ticket lets nobody in at any node, and the next one does", async () => {
  const client = cluster.client(1);
  const { id, ticket } = await client.createTicket({ uses: 5 });
  await cluster.client(3).revokeTicket(id);
  const { addresses, ...rest } = parseTicket(ticket);
  expect(addresses.length).toBeGreaterThanOrEqual(3);
  const home = cluster.home(9);
  for (const address of addresses) {
    await mkdir(home, { recursive: true });
    const refused = await runNode(9, { ticket: printTicket({ ...rest, addresses: [address] }) });
    expect([address, refused.code]).toEqual([address, 1]);
    expect(refused.stderr).toContain("the ticket is unknown, expired, used up or not proved");
    expect(refused.stderr + refused.stdout).not.toContain(ticket.slice(-40));
    await rm(home, { recursive: true });
  }
  expect(await names(1)).toEqual(["node-1", "node-2", "node-3"]);
  await cluster.join(4);
  expect(await names(1)).toEqual(["node-1", "node-2", "node-3", "node-4"]);
});

test("a removed node comes back with nothing that it has, and with a ticket only as another node", async () => {
  const data = join(cluster.home(4), "data");
  const saved = join(cluster.folder, "saved");
  const oldId = (await cluster.client(1).nodes()).find(({ name }) => name === "node-4")?.id;
  await cluster.killAdopted(4);
  await cp(data, saved, { recursive: true });
  expect((await cluster.jobx(1, "node", "remove", "node-4")).code).toBe(0);
  await eventually(
    "node-4 is gone",
    CHANGE_MS_MAX,
    async () => !(await names(1)).includes("node-4"),
  );
  // Right after its removal a node is still let in for three seconds, to hear of it.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const { ticket } = await cluster.client(1).createTicket({ uses: 5 });

  // Its key alone, with a good ticket: a newcomer by its disk, the removed one by its name.
  await rm(data, { recursive: true });
  await mkdir(data, { recursive: true, mode: 0o700 });
  await cp(join(saved, "node-key"), join(data, "node-key"));
  const byKey = await runNode(4, { ticket });
  expect([byKey.code, byKey.stderr]).toEqual([1, expect.stringMatching(/MESH_JOIN|NODE_REMOVED/)]);

  // All that it had: it is refused and nobody's peer, and goes when it hears why.
  await rm(data, { recursive: true });
  await cp(saved, data, { recursive: true });
  const alone = cluster.launch(4);
  const cannotServe = async (): Promise<boolean> => {
    const answer = await callHttp(cluster.api(4), { path: "/readyz" }).catch(() => undefined);
    return answer?.status === 503;
  };
  await eventually("it is gone, or answers that it cannot serve", CHANGE_MS_MAX, async () => {
    return alone.exitCode !== null || (await cannotServe());
  });
  for (let look = 0; look < 20; look++) {
    expect(await names(1)).toEqual(["node-1", "node-2", "node-3"]);
    expect(await cluster.metric(1, "jobx_mesh_peers_up")).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (alone.exitCode === null) expect(await cannotServe()).toBe(true);
  else expect(await readFile(join(cluster.home(4), "log"), "utf8")).toContain("NODE_REMOVED");
  await cluster.killAdopted(4);

  await rm(data, { recursive: true });
  await writeFile(join(cluster.home(4), "ticket"), `${ticket}\n`, { mode: 0o600 });
  await cluster.adopt(4, "--join", `@${join(cluster.home(4), "ticket")}`);
  const again = (await cluster.client(1).nodes()).find(({ name }) => name === "node-4");
  expect(again).toMatchObject({ state: "up" });
  expect(again?.id).not.toBe(oldId);
});
