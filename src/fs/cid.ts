/** Names of blocks: their sha256 as lower-case hexadecimal. */
import { hash } from "node:crypto";
import type { Cid } from "../wire/dataset.ts";

/** Whether the text is a content id. */
export function isCid(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The content id of a block. */
export function cidOf(bytes: Uint8Array): Cid {
  return hash("sha256", bytes, "hex");
}
