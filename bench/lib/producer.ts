/**
 * A producer at full speed in a process of its own: so many clients, each of which submits the next request
 * as soon as the last one was taken, and one that was refused again after the time that the answer names.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Further from the processor than all that is measured: a producer is on another machine. */
const NICE = 10;
/** Of a refusal that names no time, which the API never sends. */
const RETRY_MS = 1_000;
const FIRST_ARGUMENT = "--producer";

/** What a producer does. */
export interface ProducerOrder {
  /** Submissions go there, each client's to one of them. */
  readonly urls: readonly string[];
  readonly token: string;
  /** Body of each submission. */
  readonly body: string;
  readonly clients: number;
}

/** What came of it so far. */
export interface Produced {
  readonly accepted: number;
  /** Answers that were no success, by status and code; each was followed by another try. */
  readonly refused: Readonly<Record<string, number>>;
}

/** A running producer. */
export class Producer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Begins to submit at once. */
  static start(order: ProducerOrder): Producer {
    const child = fork(join(import.meta.dirname, "../main.ts"), [FIRST_ARGUMENT], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.send(order);
    return new Producer(child);
  }

  /** Submits no more, and tells what came of it. */
  async stop(): Promise<Produced> {
    const told: Promise<readonly unknown[]> = once(this.#child, "message");
    this.#child.send("stop");
    const [produced] = await told;
    this.#child.kill("SIGKILL");
    if (!isProduced(produced)) throw new Error("the producer told something else");
    return produced;
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Whether this process was started to be a producer. */
export function isProducer(argument: string | undefined): boolean {
  return argument === FIRST_ARGUMENT;
}

/** Submits until the one who started it says stop, or is gone. */
export function runProducer(): void {
  setPriority(NICE);
  const refused: Record<string, number> = {};
  let accepted = 0;
  process.on("message", (message: unknown) => {
    if (message === "stop") process.send?.({ accepted, refused } satisfies Produced);
    else if (isOrder(message)) begin(message);
  });
  process.on("disconnect", () => process.exit(0));

  function begin(order: ProducerOrder): void {
    for (let client = 0; client < order.clients; client++) {
      const url = order.urls[client % order.urls.length] ?? "";
      void submitOnAndOn(url, order);
    }
  }

  async function submitOnAndOn(url: string, { token, body }: ProducerOrder): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    for (;;) {
      let pauseMs = 0;
      try {
        const answer = await fetch(url, { method: "POST", headers, body });
        const text = await answer.text();
        if (answer.ok) accepted += 1;
        else {
          count(`${answer.status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? "without a code"}`);
          pauseMs = 1000 * Number(answer.headers.get("retry-after")) || RETRY_MS;
        }
      } catch {
        count("no answer");
        pauseMs = RETRY_MS;
      }
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  function count(what: string): void {
    refused[what] = (refused[what] ?? 0) + 1;
  }
}

/** Both ends are this program. */
function isOrder(value: unknown): value is ProducerOrder {
  return typeof value === "object" && value !== null && "urls" in value;
}

function isProduced(value: unknown): value is Produced {
  return typeof value === "object" && value !== null && "accepted" in value;
}
