/** What running attempts of a cluster in memory have printed. */
import type { OutputView } from "../../src/api/attempt-view.ts";

/** What one has printed, in plain ASCII. */
export interface FakeOutput {
  readonly state: OutputView["state"];
  readonly stdout: string;
  readonly stderr?: string;
  /** What is before this place is not kept. */
  readonly keptFrom?: number;
}

/** As a node answers who has so much of it. */
export function fakeOutputView(
  output: FakeOutput,
  after: { readonly stdout: number; readonly stderr: number },
): OutputView {
  const { state, stdout, stderr = "", keptFrom = 0 } = output;
  const part = (text: string, place: number) => {
    const from = Math.max(place, keptFrom);
    const told = state === "gone" || state === "unreachable" ? "" : text.slice(from);
    if (told === "") return { from: place, to: place, text: "" };
    return { from, to: text.length, text: told };
  };
  return { state, stdout: part(stdout, after.stdout), stderr: part(stderr, after.stderr) };
}
