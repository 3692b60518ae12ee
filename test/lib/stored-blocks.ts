/** A node's answer to an order to store blocks, which are in a map. */
import type { Call, CallAnswer } from "../../src/actors/ports.ts";
import { cidOf } from "../../src/fs/cid.ts";

/** Undefined for what else a node may be asked. */
export function stored(blocks: Map<string, Uint8Array>, call: Call): CallAnswer | undefined {
  if (call.kind !== "store-blocks") return undefined;
  for (const bytes of call.blocks) blocks.set(cidOf(bytes), Uint8Array.from(bytes));
  return { kind: "done" };
}
