/** The server's side of its watchdog: starts it, gives it signs of life, starts it again if it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Log } from "../std/log.ts";
import { BEAT_MS, type Watched } from "./watchdog.ts";
import { workerFile } from "./worker-file.ts";

/** Signs of life that a watchdog has not read; it stands still, and more would only gather. */
const UNREAD_BYTES_MAX = 1024;

export class WatchdogProcess {
  readonly #args: string;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #child: ChildProcess | undefined;
  #isStopped = false;

  constructor(options: {
    readonly watched: readonly Watched[];
    readonly hangMs: number;
    readonly log: Log;
  }) {
    const { watched, hangMs, log } = options;
    this.#args = JSON.stringify({ watched, hangMs, server: process.pid });
    this.#log = log;
    this.#start();
    this.#timer = setInterval(() => this.#beat(), Math.min(BEAT_MS, hangMs / 4));
  }

  /** It looks whether all mounts are gone, ends those that are not, and then itself. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#child?.stdin?.end();
    this.#child?.unref();
  }

  #start(): void {
    // In a group of its own: what is sent to the server's group is not meant for it.
    const child = spawn(process.execPath, [workerFile("watchdog-worker"), this.#args], {
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
    });
    this.#child = child;
    child.on("error", () => this.#ended(child));
    child.on("exit", () => this.#ended(child));
    child.stdin.on("error", () => undefined);
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (!this.#isStopped) this.#log.warn("the watchdog of a mount ended, and is started again");
  }

  #beat(): void {
    // At most once in a beat, should it end again and again.
    if (this.#child === undefined) this.#start();
    const stdin = this.#child?.stdin;
    if (stdin && stdin.writableLength < UNREAD_BYTES_MAX) stdin.write(".");
  }
}
