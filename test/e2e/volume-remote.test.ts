/** A workflow's volume at a real node is what every volume is: two clients at two nodes of a cluster. */
import { randomUUID } from "node:crypto";
import { describe } from "vitest";
import { Transport } from "../../src/api/transport.ts";
import { NearNodes } from "../../src/mount/remote/near-nodes.ts";
import { RemoteCalls } from "../../src/mount/remote/remote-calls.ts";
import { RemoteVolume } from "../../src/mount/remote/remote-volume.ts";
import { volumeSuite } from "../conformance/volume-suite.ts";
import { useCluster } from "../lib/e2e-cluster.ts";

const OWNER = { uid: 7, gid: 8 };
const cluster = useCluster(2);
let workflows = 0;

function client(node: number, workflow: string): RemoteVolume {
  const deps = {
    fetch,
    clock: { nowMs: () => performance.now() },
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    randomKey: () => "key",
  };
  const where = { urls: [cluster.api(node)], token: cluster.token, deadlineMs: 30_000 };
  const calls = new RemoteCalls(new Transport(deps, where), { workflow, mount: randomUUID() });
  const near = new NearNodes(calls, deps.clock);
  const { nowMs } = deps.clock;
  return new RemoteVolume(calls, { root: 1, owner: OWNER, near, nowMs, knownMs: 1_000 });
}

describe("a volume at two nodes", () => {
  volumeSuite(
    async () => {
      workflows += 1;
      const workflow = `w${workflows}`;
      await cluster.client(1).createWorkflow({ workflow });
      await cluster.scheduler(workflow, 1);
      const volumes = { volume: client(1, workflow), other: client(2, workflow) };
      return { ...volumes, dispose: () => Promise.resolve() };
    },
    { owners: false, timeStepNs: 1000n },
  );
});
