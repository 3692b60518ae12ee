/** A mount's process: serves a volume until it is unmounted, or told to end by a signal. */
import { errorText, isJobxError } from "../std/errors.ts";
import { LocalTree } from "./local/local-tree.ts";
import { LocalVolume } from "./local/local-volume.ts";
import { type MountServer, mountVolume } from "./server.ts";
import { stderrLog } from "./stderr-log.ts";
import { WatchdogProcess } from "./watchdog-process.ts";
import { parseWorkerOptions, type WorkerOptions, type WorkerWord } from "./worker-options.ts";

const log = stderrLog({ part: "mount" });
const wallNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

function say(word: WorkerWord): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

async function serve(options: WorkerOptions): Promise<void> {
  const { volume, directories, stagingDirectory, readOnly, hangMs, unmountMs } = options;
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const tree = new LocalTree(volume.directory, {
    bytesMax: volume.bytesMax,
    nowNs: wallNs(),
    owner,
  });
  const servers: MountServer[] = [];
  const timeouts = { entryMs: options.entryMs, attributesMs: options.attributesMs };
  const stop = async (deadlineMs: number): Promise<void> => {
    await Promise.all(servers.map((server) => server.unmount(deadlineMs)));
  };
  try {
    for (const directory of directories) {
      const client = new LocalVolume(tree, wallNs);
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
  say({ kind: "serving", minors: watched.map(({ minor }) => minor) });
  await Promise.all(servers.map((server) => server.ended));
  watchdog.stop();
  tree.close();
}

try {
  await serve(parseWorkerOptions(process.argv[2] ?? ""));
  process.exit(0);
} catch (error) {
  const code = isJobxError(error) ? error.code : "MOUNT_SERVER_ENDED";
  say({ kind: "failed", code, message: errorText(error) });
  process.exit(1);
}
