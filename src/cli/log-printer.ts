/** What attempts print, on the terminal: whole lines under the heading of their attempt, or JSON. */
import type { AttemptView } from "../api/attempt-view.ts";
import type { CommandRun } from "./command.ts";
import { keyOf, type LogItem } from "./log-follower.ts";
import { printable, printableLines } from "./output.ts";
import { endingText } from "./request-text.ts";

/** A line that is longer is shown in parts, characters. */
const LINE_LENGTH_MAX = 16 * 1024;

type OutputItem = Extract<LogItem, { kind: "output" }>;

/** Use: `show` each item, then `end`. */
export class LogPrinter {
  readonly #run: Pick<CommandRun, "json" | "io">;
  /** Whose heading was last. */
  #under = "";
  /** Beginnings of lines whose ends have not come, by attempt and stream. */
  readonly #begun = new Map<string, { readonly attempt: AttemptView; readonly text: string }>();

  constructor(run: Pick<CommandRun, "json" | "io">) {
    this.#run = run;
  }

  show(item: LogItem): void {
    if (this.#run.json) {
      this.#run.io.out(`${JSON.stringify(jsonOf(item))}\n`);
      return;
    }
    switch (item.kind) {
      case "output":
        this.#lines(item);
        return;
      case "attempt":
        this.#endLines(keyOf(item.attempt));
        this.#under = "";
        this.#run.io.out(endText(item));
        return;
      case "note":
        if (item.attempt === undefined) this.#run.io.err(`${item.text}\n`);
        else {
          this.#endLines(keyOf(item.attempt));
          this.#print(item.attempt, `[${printable(item.text)}]\n`);
        }
    }
  }

  /** Lines that have only begun are shown as they are. */
  end(): void {
    this.#endLines("");
  }

  #lines(item: OutputItem): void {
    const { attempt, stream, leftOut, text } = item;
    const name = `${keyOf(attempt)} ${stream}`;
    if (leftOut > 0) {
      this.#endLines(name);
      this.#print(attempt, `… ${leftOut.toLocaleString("en-US")} bytes left out\n`);
    }
    const whole = (this.#begun.get(name)?.text ?? "") + text;
    const end = whole.lastIndexOf("\n") + 1;
    const rest = whole.slice(end);
    if (end > 0) this.#print(attempt, whole.slice(0, end));
    if (rest.length <= LINE_LENGTH_MAX) this.#begun.set(name, { attempt, text: rest });
    else {
      this.#begun.delete(name);
      this.#print(attempt, `${rest}\n`);
    }
  }

  /** Of those whose names begin so. */
  #endLines(name: string): void {
    for (const [key, { attempt, text }] of this.#begun) {
      if (!key.startsWith(name)) continue;
      this.#begun.delete(key);
      if (text !== "") this.#print(attempt, `${text}\n`);
    }
  }

  #print(attempt: AttemptView, lines: string): void {
    const key = keyOf(attempt);
    const head =
      this.#under === key ? "" : `${headOf(attempt, "running")} (granted ${attempt.grantedAt})\n`;
    this.#under = key;
    this.#run.io.out(head + printableLines(lines));
  }
}

function headOf({ invocation, step, phase, nodeName }: AttemptView, state: string): string {
  return `==> ${invocation} (${step}, ${phase}) ${state} on ${nodeName}`;
}

/** How an attempt ended, with what it printed unless that was shown. */
function endText({ attempt, followed }: Extract<LogItem, { kind: "attempt" }>): string {
  const { state, startedAt, endedAt, error, printed, exit, grantedAt } = attempt;
  const worker = exit === null ? "" : `; its worker ended ${endingText(exit)}`;
  const head = `${headOf(attempt, state)} from ${startedAt} to ${endedAt ?? "?"} (granted ${grantedAt}${worker})`;
  const parts = [
    followed ? "" : ((printed ?? error)?.stdout ?? ""),
    followed ? "" : ((printed ?? error)?.stderr ?? ""),
    error === null || error.traceback !== "" ? "" : `${error.code}: ${error.message}`,
    error?.traceback ?? "",
  ];
  const shown = parts.filter((part) => part !== "").map((part) => printableLines(part).trimEnd());
  return `${[head, ...shown].join("\n")}\n\n`;
}

/** For programs. What was told by parts is not told again at the end. */
function jsonOf(item: LogItem): object {
  if (item.kind === "attempt") {
    const { kind, attempt, followed } = item;
    if (!followed) return { kind, ...attempt };
    const error = attempt.error && { ...attempt.error, stdout: "", stderr: "" };
    return { kind, ...attempt, error, printed: null };
  }
  if (item.attempt === undefined) return item;
  const { invocation, step, phase, part, node, nodeName, grantedAt } = item.attempt;
  return { ...item, attempt: { invocation, step, phase, part, node, nodeName, grantedAt } };
}
