/** A surface of a real node: one input after the other, and after each batch a look at the node. */
import { Chance } from "../../sim/chance.ts";
import { type Counts, packInput } from "../runner.ts";
import type { Found, Reach } from "../target.ts";
import { checkWell, type FuzzedNode, startNode } from "./node.ts";

/** Inputs between two looks at the node. */
const BATCH_INPUTS = 50;

/** Somebody who talks to the node. */
export interface Talker {
  /** An input; the same for the same draws. */
  readonly make: (chance: Chance) => Uint8Array;
  /** Sends it and says what came of it. @throws {Error} for an answer that must not be. */
  readonly send: (input: Uint8Array) => Promise<Reach>;
  close(): Promise<void>;
}

export interface Surface {
  readonly name: string;
  readonly open: (node: FuzzedNode) => Promise<Talker>;
  /** As of a target. */
  readonly cost: number;
}

/** Runs inputs against a node that is started for them. What a batch did to the node ends the round. */
export async function fuzzSurface(
  surface: Surface,
  round: { readonly seed: number; readonly first: number; readonly runs: number },
): Promise<Counts> {
  const { name } = surface;
  const reached = { cut: 0, version: 0, refused: 0, accepted: 0 };
  const found: Found[] = [];
  const startMs = performance.now();
  const node = await startNode();
  let inputs = 0;
  try {
    await checkWell(node);
    const talker = await surface.open(node);
    const end = round.first + round.runs;
    for (let run = round.first; run < end && found.length === 0; run++) {
      const input = talker.make(Chance.of(Math.imul(round.seed, 0x9e3779b1) + run, name));
      inputs += 1;
      try {
        reached[await talker.send(input)] += 1;
        if (run % BATCH_INPUTS === 0 || run === end - 1) await checkWell(node);
      } catch (error) {
        found.push({
          ...{ target: name, seed: round.seed, run, input: packInput(input) },
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
    await talker.close();
  } finally {
    await node.stop();
  }
  return { target: name, inputs, ...reached, ms: performance.now() - startMs, found };
}
