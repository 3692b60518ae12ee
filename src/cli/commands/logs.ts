import type { JobxClient } from "../../api/client.ts";
import { ATTEMPTS_MAX } from "../../api/limits.ts";
import type { AttemptView } from "../../api/ports.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { followRequest } from "../follow.ts";
import { printableLines, toJson } from "../output.ts";
import { WAIT_DEADLINE_MS } from "../wait.ts";

/** `jobx logs ID [-f]` */
export const LOGS: Command = {
  name: "logs",
  summary:
    "Show what attempts of a request printed: all that failed, the newest of those that are done.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {
    follow: { kind: "flag", short: "f", help: "Go on until the request has ended." },
  },
  examples: ["jobx logs ID", "jobx logs ID -f"],
  async run(run) {
    const id = positional(run, 0);
    const client = await run.connect({ deadlineMs: WAIT_DEADLINE_MS });
    const printer = new Printer(run);
    await printer.printNew(client, id);
    if (!run.flag("follow")) return EXIT.ok;
    let printing = Promise.resolve();
    await followRequest({ client, machine: run.io.client }, id, {
      untilMs: Number.POSITIVE_INFINITY,
      onProgress: () => {
        // One after the other, so that nothing is printed twice.
        printing = printing.then(() => printer.printNew(client, id));
      },
    });
    await printing;
    await printer.printNew(client, id);
    return EXIT.ok;
  },
};

/** Prints each attempt that left something once, in the order in which they ended. */
class Printer {
  readonly #run: CommandRun;
  readonly #printed = new Set<string>();

  constructor(run: CommandRun) {
    this.#run = run;
  }

  async printNew(client: JobxClient, id: string): Promise<void> {
    const { attempts } = await client.attempts(id, { limit: ATTEMPTS_MAX });
    const fresh = attempts.filter(
      (one) => (one.error ?? one.printed) !== null && !this.#printed.has(keyOf(one)),
    );
    fresh.sort((a, b) => ((a.endedAt ?? "") < (b.endedAt ?? "") ? -1 : 1));
    for (const attempt of fresh) {
      this.#printed.add(keyOf(attempt));
      this.#run.io.out(this.#run.json ? toJson(attempt) : attemptText(attempt));
    }
  }
}

function keyOf({ invocation, phase, node, startedAt }: AttemptView): string {
  return [invocation, phase, node, startedAt].join(" ");
}

function attemptText(attempt: AttemptView): string {
  const { invocation, step, phase, nodeName, state, startedAt, endedAt, error, printed } = attempt;
  const when = `from ${startedAt} to ${endedAt ?? "?"}`;
  const head = `==> ${invocation} (${step}, ${phase}) ${state} on ${nodeName} ${when}`;
  const parts = [
    (printed ?? error)?.stdout ?? "",
    (printed ?? error)?.stderr ?? "",
    error === null || error.traceback !== "" ? "" : `${error.code}: ${error.message}`,
    error?.traceback ?? "",
  ];
  const shown = parts.filter((part) => part !== "").map((part) => printableLines(part).trimEnd());
  return `${[head, ...shown].join("\n")}\n\n`;
}
