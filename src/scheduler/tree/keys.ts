/**
 * Keys of the rows of the tree: all begin with `F`, and the second letter names the kind. A name stands in
 * its key as itself where it is ASCII, and in the order of its bytes always, so a listing is one scan.
 */
import { orderedNumber, readOrderedNumbers } from "../../std/ordered-text.ts";
import type { Cid } from "../dataset.ts";
import type { Token } from "../unit.ts";
import type { NamedPlace } from "./rows.ts";

/** The highest printable character: what is written with it comes after all that is not. */
const ESCAPE = "~";

/** ASCII that stands for itself. Control characters are in no name. */
const PLAIN = /^[ -}]*$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A valid name as ASCII in the order of its UTF-8 bytes; at most three times as long as they are. */
export function nameText(name: string): string {
  if (PLAIN.test(name)) return name;
  let text = "";
  for (const byte of encoder.encode(name)) {
    text += byte < 0x7e ? String.fromCharCode(byte) : ESCAPE + byte.toString(16).padStart(2, "0");
  }
  return text;
}

/** The name that a text of `nameText` stands for. */
export function nameOfText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text.charAt(at) === ESCAPE) {
      bytes.push(Number.parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(text.charCodeAt(at));
  }
  return decoder.decode(new Uint8Array(bytes));
}

export const VOLUME_KEY = "Fv/";

/** Of the row that says what is kept. */
export const RETENTION_KEY = "Fr/";

/** Keys by kind of row. */
export const treeKeys = {
  inode: (inode: number): string => `Fi/${orderedNumber(inode)}`,
  entry: (parent: number, name: string): string => `Fe/${orderedNumber(parent)}/${nameText(name)}`,
  block: (cid: Cid): string => `Fb/${cid}`,
  stripe: (stripe: number): string => `Fz/${orderedNumber(stripe)}`,
  content: (content: number): string => `Fc/${orderedNumber(content)}`,
  part: (content: number, part: number): string =>
    `Fp/${orderedNumber(content)}${orderedNumber(part)}`,
  pin: (upload: string): string => `Fu/${upload}`,
  pinDue: (expiresMs: number, upload: string): string => `Fd/${orderedNumber(expiresMs)}/${upload}`,
  /** What an attempt's end does to its workspace. */
  prepared: ({ index, ordinal }: Token): string =>
    `Fa/${orderedNumber(index)}${orderedNumber(ordinal)}`,
  /** What a file was before. */
  inodeHistory: (inode: number): string => `Fh/i${orderedNumber(inode)}`,
  /** What a name led to. */
  nameHistory: (parent: number, name: string): string =>
    `Fh/n${orderedNumber(parent)}/${nameText(name)}`,
  snapshot: (name: string): string => `Fs/${name}`,
  /** A removed folder that still has rows. */
  sweptDirectory: (inode: number): string => `Fx/d${orderedNumber(inode)}`,
  /** A content that no inode has any more. */
  sweptContent: (content: number): string => `Fx/c${orderedNumber(content)}`,
} as const;

/** Prefixes to scan. */
export const treePrefixes = {
  entriesOf: (parent: number): string => `Fe/${orderedNumber(parent)}/`,
  blocks: "Fb/",
  pins: "Fu/",
  pinsDue: "Fd/",
  snapshots: "Fs/",
  histories: "Fh/",
  swept: "Fx/",
} as const;

/** The folder and name of an entry's key. */
export function placeOfEntryKey(key: string): NamedPlace {
  const slash = key.indexOf("/", 3);
  const [parent = 0] = readOrderedNumbers(key.slice(0, slash), 3);
  return { parent, name: nameOfText(key.slice(slash + 1)) };
}

/** The block that a key names. */
export function cidOfBlockKey(key: string): Cid {
  return key.slice(3);
}

/** The name of the snapshot whose key it is. */
export function nameOfSnapshotKey(key: string): string {
  return key.slice(3);
}

/** The upload and the time in a key of the index of expiry. */
export function placeOfPinDueKey(key: string): {
  readonly expiresMs: number;
  readonly upload: string;
} {
  const slash = key.indexOf("/", 3);
  const [expiresMs = 0] = readOrderedNumbers(key.slice(0, slash), 3);
  return { expiresMs, upload: key.slice(slash + 1) };
}

/** What is to be swept under a key. */
export function placeOfSweptKey(key: string): {
  readonly kind: "directory" | "content";
  readonly number: number;
} {
  const [number = 0] = readOrderedNumbers(key, 4);
  return { kind: key.charAt(3) === "d" ? "directory" : "content", number };
}
