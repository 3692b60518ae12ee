/** What all parts of one simulation share. */
import type { Chance } from "./chance.ts";
import type { SimLoop } from "./loop.ts";
import type { Totals } from "./totals.ts";
import type { Trace } from "./trace.ts";

/** Something that must never happen, with what was seen. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** @throws {Violation} when what was promised does not hold. */
export function promise(condition: unknown, text: string | (() => string)): asserts condition {
  if (!condition) throw new Violation(typeof text === "string" ? text : text());
}

export interface World {
  readonly seed: number;
  readonly loop: SimLoop;
  readonly trace: Trace;
  readonly totals: Totals;
  /** A stream of chance for one purpose. */
  chance(label: string): Chance;
  /** Reports a violation found where throwing would be swallowed. */
  violate(violation: Error): void;
}
