/** The program `jobx`: the command line on this machine's clock, network, files and terminal. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { runCli } from "./run.ts";

/** A closed output (`jobx … | head`) is not worth a word. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  homeFolder: homedir(),
  out: (text) => process.stdout.write(text),
  write,
  err: (text) => process.stderr.write(text),
  terminal: process.stderr.isTTY,
  readInput,
  bytes: { input: () => process.stdin, write },
  version: readVersion,
  interrupted: () =>
    new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    }),
  client: {
    fetch,
    clock: { nowMs: () => performance.now() },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    randomKey: () => randomUUID(),
  },
  timers: {
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
});

function write(content: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(content)) resolve();
    else process.stdout.once("drain", resolve);
  });
}

async function readInput(bytesMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const found: unknown = JSON.parse(text);
  const named = typeof found === "object" && found !== null && "version" in found;
  return named ? String(found.version) : "unknown";
}
