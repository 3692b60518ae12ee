/** The watchdog's process: see `watchdog.ts`. Its standard input is the server's sign of life. */
import { errorText } from "../std/errors.ts";
import { stderrLog } from "./stderr-log.ts";
import { endMount, isMounted, parseWatch } from "./watchdog.ts";

const log = stderrLog({ part: "mount watchdog" });
const { watched, hangMs, server } = parseWatch(process.argv[2] ?? "");
let heardMs = performance.now();
let isEnding = false;

process.stdin.on("data", () => {
  heardMs = performance.now();
});
process.stdin.on("close", () => end("the server of a mount has ended"));
process.stdin.on("error", () => end("the server of a mount has ended"));
setInterval(() => {
  if (performance.now() - heardMs >= hangMs) end("the server of a mount hangs");
}, hangMs / 4);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);

function killServer(): void {
  // Only while it is the parent is the number surely still its own.
  if (process.ppid === server) process.kill(server, "SIGKILL");
}

function end(why: string): void {
  if (isEnding) return;
  isEnding = true;
  void endAll(why).then(
    () => process.exit(0),
    (error: unknown) => {
      log.error("a watchdog failed", { error: errorText(error) });
      process.exit(1);
    },
  );
}

async function endAll(why: string): Promise<void> {
  const left = watched.filter(isMounted);
  if (left.length > 0) log.warn(why, { directories: left.map(({ directory }) => directory) });
  await Promise.all(left.map((mount) => endMount(mount, { killServer, log })));
}
