/** A line that says how far something is, drawn over on a terminal and not said elsewhere. */
import type { Io } from "./io.ts";

const CLEAR = "\r\u001b[2K";

/** Shows texts in one line; `end` takes it away. */
export function drawn(io: Io): { show(text: string): void; end(): void } {
  return {
    show: (text) => {
      if (io.terminal) io.err(`${CLEAR}${text}`);
    },
    end: () => {
      if (io.terminal) io.err(CLEAR);
    },
  };
}
