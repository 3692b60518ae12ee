/** How far content is, drawn over on a terminal and not said elsewhere. */
import type { Io } from "./io.ts";

/** Between two pictures. */
const DRAW_MS = 200;

/** The same bytes; while they pass, it is shown how many have, of how many if that is known. */
export async function* shownBytes(
  bytes: AsyncIterable<Uint8Array>,
  { io, total }: { readonly io: Io; readonly total: number | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  let passed = 0;
  let drawnMs = io.client.clock.nowMs();
  let drawn = false;
  try {
    for await (const part of bytes) {
      passed += part.length;
      const nowMs = io.client.clock.nowMs();
      if (io.terminal && nowMs - drawnMs >= DRAW_MS) {
        const of = total === undefined ? "" : ` of ${bytesText(total)}`;
        io.err(`\r\u001b[2K${bytesText(passed)}${of}`);
        [drawn, drawnMs] = [true, nowMs];
      }
      yield part;
    }
  } finally {
    if (drawn) io.err("\r\u001b[2K");
  }
}

/** Bytes in the unit that suits them. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return step === 0 ? `${bytes} B` : `${(bytes / 1024 ** step).toFixed(1)} ${units[step]}`;
}
