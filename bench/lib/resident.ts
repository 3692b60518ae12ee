/** Memory of processes over a time, by its quarters. */
import { readFileSync } from "node:fs";

const SAMPLE_MS = 250;
const QUARTERS = 4;

/** Watches processes from its making until `stop`. */
export class ResidentWatch {
  readonly #samples: (readonly number[])[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pids: readonly number[]) {
    this.#timer = setInterval(() => this.#samples.push(pids.map(residentBytes)), SAMPLE_MS);
  }

  /** The most that each process had in each quarter of the time, bytes. */
  stop(): readonly (readonly number[])[] {
    clearInterval(this.#timer);
    const samples = this.#samples;
    return (samples[0] ?? []).map((_first, node) =>
      Array.from({ length: QUARTERS }, (_quarter, at) => {
        const from = Math.floor((samples.length * at) / QUARTERS);
        const to = Math.floor((samples.length * (at + 1)) / QUARTERS);
        return Math.max(...samples.slice(from, to).map((sample) => sample[node] ?? 0));
      }),
    );
  }
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
}
