/** Progress as people see it: bars on a terminal, lines elsewhere. */
import type { Progress } from "./follow.ts";
import type { Io } from "./io.ts";
import { printable } from "./output.ts";

/** Cells of a bar. */
const BAR_WIDTH = 30;
/** Characters of a step's name beside its bar. */
const NAME_WIDTH = 24;

/** Shows progress on the error output; `end` leaves the last of it standing. */
export interface ProgressView {
  readonly show: (progress: Progress) => void;
  readonly end: () => void;
}

/** Bars that are drawn over where the error output is a terminal, else a line for each change. */
export function progressView(io: Io): ProgressView {
  return io.terminal ? bars(io) : lines(io);
}

function lines(io: Io): ProgressView {
  let said = "";
  return {
    show: (progress) => {
      const line = progressLine(progress);
      if (line !== said) io.err(`${line}\n`);
      said = line;
    },
    end: () => {},
  };
}

function bars(io: Io): ProgressView {
  let drawn = 0;
  return {
    show: (progress) => {
      const rows = [progress.state, ...Object.entries(progress.steps).map(barLine)];
      // Up to where the last picture began; each line is cleared before it is written.
      const up = drawn === 0 ? "" : `\u001b[${drawn}A`;
      io.err(up + rows.map((row) => `\r\u001b[2K${row}\n`).join(""));
      drawn = rows.length;
    },
    end: () => {
      drawn = 0;
    },
  };
}

function barLine([name, { total, done, failed }]: [string, Progress["steps"][string]]): string {
  const ratio = total === 0 ? 0 : Math.min(1, (done + failed) / total);
  const filled = Math.round(ratio * BAR_WIDTH);
  const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
  const lost = failed === 0 ? "" : `, ${failed} failed`;
  const title = printable(name).slice(0, NAME_WIDTH).padEnd(NAME_WIDTH);
  return `${title} [${bar}] ${done}/${total}${lost}`;
}

/** One line about how far each step is. */
export function progressLine({ state, steps }: Progress): string {
  const parts = Object.entries(steps).map(([name, { total, done, failed }]) => {
    const lost = failed === 0 ? "" : `, ${failed} failed`;
    return `${name} ${done}/${total}${lost}`;
  });
  return `${state}  ${parts.join("  ")}`.trimEnd();
}
