/** Counts as people read them. */
import type { Counts } from "./runner.ts";

/** At least this share of all inputs must get past framing and version. */
export const PAST_RATIO_MIN = 0.3;

/** Sums of two rounds of one target. */
export function addCounts(one: Counts | undefined, other: Counts): Counts {
  if (one === undefined) return other;
  return {
    target: other.target,
    inputs: one.inputs + other.inputs,
    cut: one.cut + other.cut,
    version: one.version + other.version,
    refused: one.refused + other.refused,
    accepted: one.accepted + other.accepted,
    ms: one.ms + other.ms,
    found: [...one.found, ...other.found],
  };
}

/** The share of inputs whose fields were looked at. */
export function pastRatio(counts: readonly Counts[]): number {
  const inputs = counts.reduce((sum, one) => sum + one.inputs, 0);
  const past = counts.reduce((sum, one) => sum + one.refused + one.accepted, 0);
  return inputs === 0 ? 0 : past / inputs;
}

const percent = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(0)} %`;

function row(name: string, counts: readonly Counts[]): string {
  const sum = (pick: (one: Counts) => number): number =>
    counts.reduce((total, one) => total + pick(one), 0);
  const inputs = sum((one) => one.inputs);
  const columns = [
    String(inputs).padStart(10),
    percent(
      sum((one) => one.refused + one.accepted),
      inputs,
    ).padStart(7),
    percent(
      sum((one) => one.accepted),
      inputs,
    ).padStart(9),
    (sum((one) => one.ms) / 1_000).toFixed(1).padStart(8),
    String(sum((one) => one.found.length)).padStart(6),
  ];
  return name.padEnd(20) + columns.join(" ");
}

/** A line for each target and one for all. */
export function tableText(counts: readonly Counts[]): string {
  return [
    `${"target".padEnd(20)}    inputs    past  accepted  seconds  found`,
    ...counts.map((one) => row(one.target, [one])),
    row("all", counts),
  ].join("\n");
}
