/** Tells the log whose units are taken back as lost: each of them is run again, maybe somewhere else. */
import type { Command } from "../scheduler/commands.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Dispatcher, WhyLost } from "../scheduler/dispatcher.ts";
import type { Effect } from "../scheduler/effects.ts";
import { addTo } from "../scheduler/tally.ts";
import { unitText } from "../scheduler/unit.ts";
import type { Log } from "../std/log.ts";

/** One line for each node, whatever it held; nothing where nothing is lost. */
export function tellLost(
  commands: readonly Command[],
  about: {
    readonly dispatcher: Pick<Dispatcher, "holderOf" | "whyLost">;
    readonly workflow: string;
    readonly log: Pick<Log, "warn">;
  },
): void {
  const { dispatcher, workflow, log } = about;
  const units = new Map<NodeId, number>();
  const whys = new Map<NodeId, WhyLost>();
  for (const command of commands) {
    if (command.kind !== "take-back" || command.how !== "lost") continue;
    const node = dispatcher.holderOf(command.token);
    if (node === undefined) continue;
    addTo(units, node, 1);
    whys.set(node, dispatcher.whyLost(command.token));
  }
  for (const [node, count] of units) {
    const why = whys.get(node);
    log.warn("units were lost with their executor", { workflow, node, units: count, why });
  }
}

/** R26: finished units run again, since every copy of what they had made is gone: one line for all of an entry's. */
export function tellAgain(
  effects: readonly Effect[],
  about: {
    readonly name: string;
    readonly log: Pick<Log, "warn">;
    readonly onRunAgain: (units: number) => void;
  },
): void {
  const again = effects.flatMap((effect) => (effect.kind === "run-again" ? [effect] : []));
  const [first] = again;
  if (first === undefined) return;
  const { name, log, onRunAgain } = about;
  const fields = { workflow: name, units: again.length, first: unitText(first.unit) };
  log.warn("what units had made is lost on all nodes, so they run again", fields);
  onRunAgain(again.length);
}
