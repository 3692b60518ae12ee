/** A node that can dial and that nobody can dial, as behind a router that translates addresses, serves what it has. */
import { execFile } from "node:child_process";
import { hash, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { useHosts } from "../lib/e2e-hosts.ts";
import { MESH_PORT, networkProblem } from "../lib/e2e-network.ts";
import { NODE } from "../lib/e2e-nodes.ts";

const FILE_BYTES = 12 * 1024 * 1024;
const SHIELDED = 2;

const problem = networkProblem();
if (problem !== undefined) console.warn(`skipped: ${problem}`);

describe.skipIf(problem !== undefined)("a node that nobody can dial", () => {
  const cluster = useHosts(1);

  const fileUrl = (node: number): URL =>
    new URL("/v1/workflows/text/fs/file?path=/large", cluster.api(node));
  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${cluster.token}`,
    "jobx-deadline-ms": "60000",
  });

  /** Whether node 1's host can open a connection to the shielded node. */
  const isDialled = async (): Promise<boolean> => {
    const dial = `
      const socket = require("node:net").connect(${MESH_PORT}, "${cluster.network.address(SHIELDED)}");
      socket.on("connect", () => process.exit(0)).on("error", () => process.exit(3));
      setTimeout(() => process.exit(3), 2_000);`;
    const words = ["netns", "exec", cluster.network.namespace(1), NODE, "-e", dial];
    return promisify(execFile)("ip", words).then(
      () => true,
      () => false,
    );
  };

  test("serves blocks that only it has over the connection that it opened, to readers and to who heals", async () => {
    cluster.network.addHost(SHIELDED);
    cluster.network.shield(SHIELDED);
    await cluster.start(SHIELDED);
    expect(await isDialled()).toBe(false);
    await cluster.client(1).createWorkflow({ workflow: "text" });
    await cluster.scheduler("text", 1);
    expect(await cluster.jobx(1, "fs", "quota", "text", "--copies", "1")).toMatchObject({
      code: 0,
    });
    const content = randomBytes(FILE_BYTES);
    const init = { method: "PUT", headers: headers(), body: content };
    const put = await fetch(fileUrl(SHIELDED), init);
    expect(await put.json()).toMatchObject({ bytes: FILE_BYTES, copies: 1 });

    const where = { workflow: "text", path: "/large", limit: 10, after: undefined };
    const alone = await cluster.client(1).copies.where(where);
    expect(alone.entries[0]?.copies?.nodes).toMatchObject([{ node: "node-2", blocks: 12 }]);
    const answer = await fetch(fileUrl(1), { headers: headers() });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(hash("sha256", bytes, "hex")).toBe(hash("sha256", content, "hex"));
    const sent = 'jobx_mesh_block_bytes_total{direction="out"}';
    expect(await cluster.metric(SHIELDED, sent)).toBeGreaterThanOrEqual(FILE_BYTES);

    expect(await cluster.jobx(1, "fs", "quota", "text", "--copies", "2")).toMatchObject({
      code: 0,
    });
    expect(await cluster.jobx(1, "fs", "heal", "text")).toMatchObject({ code: 0 });
    const healed = await cluster.client(1).copies.where(where);
    expect(healed.entries[0]?.copies?.nodes).toHaveLength(2);
    expect(await isDialled()).toBe(false);
  });
});
