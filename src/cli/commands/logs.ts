import type { JobxClient } from "../../api/client.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { followRequest } from "../follow.ts";
import type { Io } from "../io.ts";
import { LogFollower } from "../log-follower.ts";
import { LogPrinter } from "../log-printer.ts";
import { WAIT_DEADLINE_MS } from "../wait.ts";

/** Between two reads of what runs, milliseconds: a line is shown within about a second. */
const POLL_MS = 500;

/** `jobx logs ID [-f]` */
export const LOGS: Command = {
  name: "logs",
  summary:
    "Show what attempts of a request print: all that run or failed, the newest of those that are done.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {
    follow: {
      kind: "flag",
      short: "f",
      help: "Go on until the request has ended, with each line as it is printed.",
    },
  },
  examples: ["jobx logs ID", "jobx logs ID -f", "jobx logs ID -f --json"],
  async run(run) {
    const request = positional(run, 0);
    const client = await run.connect({ deadlineMs: WAIT_DEADLINE_MS });
    const printer = new LogPrinter(run);
    const logs = new LogFollower({ client, request, show: (item) => printer.show(item) });
    try {
      await logs.look();
      await logs.read();
      if (run.flag("follow")) await follow(logs, { client, request, io: run.io });
    } finally {
      printer.end();
    }
    return EXIT.ok;
  },
};

/** Until the request has ended. While nothing runs that could print, only its events are waited for. */
async function follow(
  logs: LogFollower,
  of: { readonly client: JobxClient; readonly request: string; readonly io: Io },
): Promise<void> {
  const { client, request, io } = of;
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      io.timers.after(POLL_MS, resolve);
    });
  const news = new News();
  const following = followRequest({ client, machine: io.client }, request, {
    untilMs: Number.POSITIVE_INFINITY,
    onProgress: () => news.tell(),
    onAttempt: () => news.tell(),
  }).finally(() => news.end());
  // Its error is told when all that can be shown has been.
  following.catch(() => undefined);
  while (!news.isOver) {
    // Not sooner, whatever happens: short attempts come and go by the hundreds.
    if (logs.isWatching) await Promise.race([pause(), news.over]);
    else await news.next();
    if (news.take()) await logs.look();
    if (await logs.read()) news.tell();
  }
  await following;
  await logs.finish(pause);
}

/** Whether something has happened that was not looked at. */
class News {
  isOver = false;
  readonly over: Promise<void>;
  #end: () => void = () => undefined;
  #isTold = false;
  #wake: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  tell(): void {
    this.#isTold = true;
    this.#wake();
  }

  /** None comes any more. */
  end(): void {
    this.isOver = true;
    this.#end();
    this.#wake();
  }

  /** Resolves when there is something, or nothing comes any more. */
  next(): Promise<void> {
    if (this.#isTold || this.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Whether there was something since the last time. */
  take(): boolean {
    const wasTold = this.#isTold;
    this.#isTold = false;
    return wasTold;
  }
}
