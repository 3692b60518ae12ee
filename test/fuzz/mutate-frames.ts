/** Mutants of frames of MessagePack, and how far they come. */
import { Packr } from "msgpackr";
import { WireError } from "../../src/wire/errors.ts";
import { PlainReader } from "../../src/wire/plain-reader.ts";
import type { Chance } from "../sim/chance.ts";
import { mutateBytes, randomBytes } from "./mutate-bytes.ts";
import { mutateValue, plainLeaf } from "./mutate-values.ts";
import type { Reach } from "./target.ts";

/** As `src/wire/frame.ts` writes, but of any value. */
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

/** A valid frame, and the values in it. */
export interface Valid {
  readonly frame: Uint8Array;
  readonly plain: unknown;
}

/** @throws {WireError} when it is not valid. */
export function validOf(frame: Uint8Array): Valid {
  return { frame, plain: new PlainReader(frame).value() };
}

/** Mostly values that are valid but for a place or two, so that they get past framing and version. */
export function makeFrame(valid: readonly Valid[], chance: Chance): Uint8Array {
  const { frame, plain } = chance.pick(valid);
  const way = chance.next();
  if (way < 0.7 && Array.isArray(plain)) {
    const fields: readonly unknown[] = plain;
    return packr.pack([fields[0], mutateValue(fields[1], chance, plainLeaf)]);
  }
  if (way < 0.75) return packr.pack(mutateValue(plain, chance, plainLeaf));
  if (way < 0.95) {
    return mutateBytes(frame, chance, [chance.pick(valid).frame]);
  }
  return way < 0.98
    ? Buffer.concat([Uint8Array.of(0x92, 1), randomBytes(chance)])
    : randomBytes(chance);
}

/** Where a refused frame was refused. @throws {unknown} what is no refusal. */
export function reachOf(error: unknown, frame: Uint8Array): Reach {
  if (!(error instanceof WireError)) throw error;
  const { details } = error;
  if (details.code === "WIRE_VERSION_UNKNOWN") return "version";
  if (details.code !== "WIRE_MALFORMED") throw error;
  if (details.path !== "") return "refused";
  try {
    const reader = new PlainReader(frame);
    if (reader.shortArray() !== 2) return "cut";
    const version = reader.value();
    reader.value();
    reader.end();
    return version === 1 ? "refused" : "cut";
  } catch {
    return "cut";
  }
}
