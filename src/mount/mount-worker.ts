/** A mount's process: serves a volume until it is unmounted, or told to end by a signal. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Transport } from "../api/transport.ts";
import { unreachable } from "../std/assert.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import { LocalTree } from "./local/local-tree.ts";
import { LocalVolume } from "./local/local-volume.ts";
import type { Volume } from "./ports.ts";
import { NearNodes } from "./remote/near-nodes.ts";
import { RemoteCalls } from "./remote/remote-calls.ts";
import { RemoteVolume } from "./remote/remote-volume.ts";
import { type MountServer, mountVolume } from "./server.ts";
import { stderrLog } from "./stderr-log.ts";
import { WatchdogProcess } from "./watchdog-process.ts";
import {
  parseWorkerOptions,
  TOKEN_VARIABLE,
  type WorkerOptions,
  type WorkerWord,
} from "./worker-options.ts";

const log = stderrLog({ part: "mount" });
const wallNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** One call with all its tries at all nodes: less than the kernel is let wait. */
const CALL_MS = 16_000;

const CLIENT = {
  fetch,
  clock: { nowMs: () => performance.now() },
  sleep: (ms: number) => sleep(ms),
  randomKey: () => randomUUID(),
};

function say(word: WorkerWord): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

/** Clients of a volume, one for each place where it is mounted. */
interface Source {
  readonly client: () => Volume;
  /** Where its node would have what is written, if that is on this machine. */
  readonly stagingNear: () => Promise<string | undefined>;
  readonly close: () => void;
}

function sourceOf({ volume, entryMs, attributesMs }: WorkerOptions): Source {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  switch (volume.kind) {
    case "local": {
      const { directory, bytesMax } = volume;
      const tree = new LocalTree(directory, { bytesMax, nowNs: wallNs(), owner });
      const client = (): Volume => new LocalVolume(tree, wallNs);
      return { client, stagingNear: async () => undefined, close: () => tree.close() };
    }
    case "remote": {
      const { workflow, urls, root } = volume;
      const token = process.env[TOKEN_VARIABLE];
      // The watchdog needs none.
      delete process.env[TOKEN_VARIABLE];
      const { nowMs } = CLIENT.clock;
      const callsOf = (): RemoteCalls => {
        const transport = new Transport(CLIENT, { urls, token, deadlineMs: CALL_MS });
        return new RemoteCalls(transport, { workflow, mount: randomUUID() });
      };
      const client = (): Volume => {
        const calls = callsOf();
        const knownMs = Math.max(entryMs, attributesMs);
        const near = new NearNodes(calls, { nowMs });
        return new RemoteVolume(calls, { root, owner, nowMs, knownMs, near });
      };
      const stagingNear = (): Promise<string | undefined> =>
        new NearNodes(callsOf(), { nowMs }).directory();
      return { client, stagingNear, close: () => {} };
    }
    default:
      return unreachable(volume);
  }
}

async function serve(options: WorkerOptions): Promise<void> {
  const { directories, readOnly, hangMs, unmountMs } = options;
  const source = sourceOf(options);
  const stagingDirectory = options.stagingDirectory ?? (await source.stagingNear()) ?? tmpdir();
  const servers: MountServer[] = [];
  const timeouts = { entryMs: options.entryMs, attributesMs: options.attributesMs };
  const stop = async (deadlineMs: number): Promise<void> => {
    await Promise.all(servers.map((server) => server.unmount(deadlineMs)));
  };
  try {
    for (const directory of directories) {
      const client = source.client();
      const place = { directory, stagingDirectory, readOnly, timeouts, log };
      servers.push(await mountVolume({ ...place, volume: client }));
    }
  } catch (error) {
    await stop(0);
    throw error;
  }
  const watched = servers.map((server) => server.watched);
  const watchdog = new WatchdogProcess({ watched, hangMs, log });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      void stop(unmountMs);
    });
  }
  if (options.endsWithStarter) {
    process.stdin.on("close", () => {
      void stop(0);
    });
    process.stdin.on("error", () => undefined);
    process.stdin.resume();
  }
  say({ kind: "serving", minors: watched.map(({ minor }) => minor) });
  await Promise.all(servers.map((server) => server.ended));
  watchdog.stop();
  source.close();
}

try {
  await serve(parseWorkerOptions(process.argv[2] ?? ""));
  process.exit(0);
} catch (error) {
  const code = isJobxError(error) ? error.code : "MOUNT_SERVER_ENDED";
  say({ kind: "failed", code, message: errorText(error) });
  process.exit(1);
}
