/** Figures as tables for people, or as JSON. */
import { cpus, loadavg } from "node:os";

/** One measured thing. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Value over that of the table's baseline, where both count the same. */
  readonly ratio?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Processor time of all processes per operation, microseconds. */
  readonly cpuMicros?: number;
  /** What is asked of the value; `most` where less is better. */
  readonly floor?: { readonly bound: number; readonly how: "least" | "most" };
  readonly note?: string;
}

/** What one benchmark came to. */
export interface Table {
  readonly name: string;
  /** What was measured; ends with the durability. */
  readonly caption: string;
  /** The figure that ratios are against, measured in the same run. */
  readonly baseline: string;
  readonly figures: readonly Figure[];
  /** One-minute load average before and after. */
  readonly load: readonly [number, number];
}

/** The machine's load now. */
export function loadNow(): number {
  return loadavg()[0] ?? 0;
}

/** A line about the machine. */
export function machineText(): string {
  const all = cpus();
  return `Node ${process.versions.node}, ${all.length} cores (${all[0]?.model.trim() ?? "unknown"})`;
}

const COLUMNS = ["", "figure", "unit", "ratio", "p50 ms", "p99 ms", "cpu µs/op", "floor", ""];

/** The table as text. */
export function tableText(table: Table): string {
  const rows = table.figures.map(cells);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        column === 0 || column === COLUMNS.length - 1
          ? text.padEnd(widths[column] ?? 0)
          : text.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const load = table.load.map((value) => value.toFixed(1)).join(" -> ");
  return [
    `${table.name}: ${table.caption}`,
    `ratio: against "${table.baseline}"; load average ${load}`,
    line(COLUMNS),
    ...rows.map(line),
    "",
  ].join("\n");
}

/** Whether the floor holds; true without one. */
export function holds({ value, floor }: Figure): boolean {
  if (floor === undefined) return true;
  return floor.how === "least" ? value >= floor.bound : value <= floor.bound;
}

function cells(figure: Figure): readonly string[] {
  const { floor } = figure;
  const sign = floor?.how === "most" ? "<=" : ">=";
  return [
    figure.name,
    short(figure.value),
    figure.unit,
    figure.ratio === undefined ? "" : figure.ratio.toPrecision(2),
    short(figure.p50Ms),
    short(figure.p99Ms),
    short(figure.cpuMicros),
    floor === undefined ? "" : `${sign} ${short(floor.bound)} ${holds(figure) ? "ok" : "MISSED"}`,
    figure.note ?? "",
  ];
}

function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
