/**
 * What attempts have printed so far, for those who look while they run. It is in the memory of the node
 * that runs them and nowhere else; what is kept for good is stored with their ends.
 *
 * L1. A place is a number of bytes since the attempt began, and only rises: who reads on from where the
 *     last answer ended gets nothing twice, and sees by where the next one begins what was left out.
 * L2. What somebody reads stays for a while after its end, so that its readers get the rest from here
 *     and need what is stored only when this node is gone.
 */
import { OutputTail } from "./output-tail.ts";

/** Who read so long ago does not wait for the rest, milliseconds: far above the time between two polls. */
export const WATCHED_MS = 30_000;

/** How long the rest stays after the end, milliseconds: for readers that were held up. */
export const KEPT_MS = 60_000;

/** Outputs that stay after their ends: each may have two tails, so 16 MiB. Beyond that the oldest go. */
export const KEPT_MAX = 128;

/** Told before what an attempt prints when all that it did begins once more. */
const AGAIN = "[the attempt is run once more]\n";

/** Places in the two streams of an attempt. */
export interface OutputPlaces {
  readonly stdout: number;
  readonly stderr: number;
}

/** What one attempt has printed so far. */
export class LiveOutput {
  readonly stdout = new OutputTail();
  readonly stderr = new OutputTail();

  /** Adds bytes, which are kept as they are. */
  push(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    if (chunk.length > 0) this[stream].push(chunk);
  }

  /** Its handlers begin from the start: what is printed from here on comes again. */
  again(): void {
    if (this.stdout.totalBytes + this.stderr.totalBytes > 0) {
      this.push("stdout", new TextEncoder().encode(AGAIN));
    }
  }
}

interface Entry {
  readonly output: LiveOutput;
  readMs: number;
  /** Undefined while it runs. */
  endedMs: number | undefined;
}

/** What is answered about an attempt. */
interface OutputSoFar {
  /** Whether this is all of it: nothing comes any more. */
  readonly ended: boolean;
  readonly stdout: ReturnType<OutputTail["after"]>;
  readonly stderr: ReturnType<OutputTail["after"]>;
}

/** The outputs of a node's attempts by the attempts' names. Time is handed in. */
export class LiveOutputs {
  readonly #entries = new Map<string, Entry>();
  /** Of those that have ended, the first to end first. */
  readonly #kept = new Set<string>();

  /** An attempt begins. */
  begin(name: string): LiveOutput {
    const output = new LiveOutput();
    this.#kept.delete(name);
    this.#entries.set(name, { output, readMs: Number.NEGATIVE_INFINITY, endedMs: undefined });
    return output;
  }

  /** It has ended; nothing is pushed any more. */
  end(name: string, nowMs: number): void {
    this.#forgetOld(nowMs);
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    if (nowMs - entry.readMs > WATCHED_MS) {
      this.#entries.delete(name);
      return;
    }
    entry.endedMs = nowMs;
    this.#kept.add(name);
    const [oldest] = this.#kept;
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#forget(oldest);
  }

  /** What it has printed after these places; undefined when it has not begun, or is not kept any more. */
  read(name: string, after: OutputPlaces, nowMs: number): OutputSoFar | undefined {
    this.#forgetOld(nowMs);
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    entry.readMs = nowMs;
    const { stdout, stderr } = entry.output;
    return {
      ended: entry.endedMs !== undefined,
      stdout: stdout.after(after.stdout),
      stderr: stderr.after(after.stderr),
    };
  }

  #forgetOld(nowMs: number): void {
    for (const name of this.#kept) {
      const endedMs = this.#entries.get(name)?.endedMs ?? 0;
      if (nowMs - endedMs <= KEPT_MS) return;
      this.#forget(name);
    }
  }

  #forget(name: string): void {
    this.#kept.delete(name);
    this.#entries.delete(name);
  }
}
