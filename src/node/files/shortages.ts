/**
 * What lasts of too few copies, in the volumes of the workflows that this node leads: told to whoever asks for
 * health. Plain bookkeeping; the healer tells of its rounds.
 */
import { SHORTAGES_MAX, type Shortage } from "../../scheduler/tree/shortage.ts";
import type { Healed } from "./block-healing.ts";

/** A sentence for people about a shortage. */
export interface ShortageWarning {
  readonly code: "blocks-wanting";
  readonly message: string;
}

export class Shortages {
  readonly #byGroup = new Map<number, Shortage>();

  /** A round over the volume is over. What it could not look at is as it was. */
  note(group: number, healed: Healed | undefined, wallMs: number): void {
    if (healed === undefined) return;
    const { short, missing, lost } = healed;
    const sinceMs = this.#byGroup.get(group)?.sinceMs ?? wallMs;
    if (short + missing + lost === 0) this.#byGroup.delete(group);
    else this.#byGroup.set(group, { group, short, missing, lost, sinceMs });
  }

  /** Another node leads the workflow, or nobody does. */
  forget(group: number): void {
    this.#byGroup.delete(group);
  }

  /** The first `SHORTAGES_MAX`, in the order of their groups. */
  list(): readonly Shortage[] {
    return [...this.#byGroup.values()].sort((a, b) => a.group - b.group).slice(0, SHORTAGES_MAX);
  }

  /** Since when some volume has too few copies; undefined while none has. */
  sinceMs(): number | undefined {
    const all = this.list().map(({ sinceMs }) => sinceMs);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  warnings(nameOf: (group: number) => string): readonly ShortageWarning[] {
    return this.list().map((one) => ({
      code: "blocks-wanting",
      message: `files of ${nameOf(one.group)}: ${shortageText(one)}`,
    }));
  }
}

/** `12 blocks with too few copies, 1 that no node has, since 2026-01-01T00:00:00.000Z`. */
export function shortageText({ short, missing, lost, sinceMs }: Omit<Shortage, "group">): string {
  const parts = [
    ...(short > 0 ? [`${blocks(short)} with too few copies`] : []),
    ...(missing > 0 ? [`${blocks(missing)} that only a node that is away may have`] : []),
    ...(lost > 0 ? [`${blocks(lost)} that no node has any more`] : []),
  ];
  return `${parts.join(", ")}, since ${new Date(sinceMs).toISOString()}`;
}

function blocks(count: number): string {
  return count === 1 ? "1 block" : `${count} blocks`;
}
