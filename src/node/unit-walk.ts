/**
 * The order in which a list shows the units of a request: the root, then the units of each invocation that
 * has mapped or is reduced, in the order of the tree, its children before its reductions. What there is
 * follows from the rows of these invocations alone, so children are never gone through to be counted. Pure.
 */
import type { InvocationRow } from "../scheduler/rows.ts";
import type { Path, UnitRef } from "../scheduler/unit.ts";

/** An invocation that has a row. */
export interface Parent {
  readonly path: Path;
  readonly row: InvocationRow;
}

/** Units side by side: all of one parent and of one kind, `first` up to but not including `end`. */
export type Stretch =
  | { readonly kind: "root"; readonly step: string; readonly first: 0; readonly end: 1 }
  | {
      readonly kind: "map" | "reduce";
      readonly parent: Parent;
      readonly step: string;
      readonly first: number;
      readonly end: number;
    };

/** The unit at a place of a stretch. */
export function unitOf(request: number, stretch: Stretch, at: number): UnitRef {
  switch (stretch.kind) {
    case "root":
      return { kind: "map", request, path: [] };
    case "map":
      return { kind: "map", request, path: [...stretch.parent.path, at] };
    case "reduce":
      return { kind: "reduce", request, path: stretch.parent.path, part: at };
  }
}

/** The invocation under which a unit is listed; undefined for the root. */
export function parentPathOf(unit: UnitRef): Path | undefined {
  if (unit.kind === "reduce") return unit.path;
  return unit.path.length === 0 ? undefined : unit.path.slice(0, -1);
}

/** What is listed under a parent, after the unit `after` if that is one of them. */
export function stretchesOf(parent: Parent, after: UnitRef | undefined): readonly Stretch[] {
  const { row, path } = parent;
  const isHere =
    after !== undefined && (parentPathOf(after)?.join(".") ?? "root") === path.join(".");
  const passed = isHere ? after : undefined;
  const { childStep } = row;
  const stretches: Stretch[] = [];
  if (childStep !== undefined && passed?.kind !== "reduce") {
    const first = passed === undefined ? 0 : (passed.path.at(-1) ?? 0) + 1;
    stretches.push({ kind: "map", parent, step: childStep, first, end: row.childCount });
  }
  const first = passed?.kind === "reduce" ? passed.part + 1 : 0;
  stretches.push({ kind: "reduce", parent, step: row.step, first, end: row.reduceCount });
  return stretches.filter((stretch) => stretch.first < stretch.end);
}
