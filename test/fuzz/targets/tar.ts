/** Tar archives that clients send: headers with other fields under their right checksum, and broken ones. */
import { checksumOf, TAR_BLOCK_BYTES, TAR_FIELDS } from "../../../src/api/tar/tar-blocks.ts";
import type { TarHead } from "../../../src/api/tar/tar-entry.ts";
import { readTar } from "../../../src/api/tar/tar-reader.ts";
import { TAR_END, tarHeader, tarPadding } from "../../../src/api/tar/tar-writer.ts";
import { concatBytes } from "../../../src/std/bytes.ts";
import { isJobxError } from "../../../src/std/errors.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import { mutateText } from "../mutate-text.ts";
import type { Reach, Target } from "../target.ts";

const ATTRIBUTES = { mode: 0o644, mtimeMicros: 1_700_000_000_500_000 } as const;
const MEMBERS: readonly TarHead[] = [
  { kind: "file", path: "a/b.txt", bytes: 700, ...ATTRIBUTES },
  { kind: "file", path: "empty", bytes: 0, ...ATTRIBUTES },
  { kind: "file", path: `${"long/".repeat(40)}x`, bytes: 1, ...ATTRIBUTES },
  { kind: "directory", path: "a", ...ATTRIBUTES },
  { kind: "symlink", path: "s", target: "t".repeat(150), ...ATTRIBUTES },
  { kind: "link", path: "l", target: "a/b.txt" },
];

const TYPES = [..."\u000001234567xgLKSDVZ"];
const SIZES = ["00000000001", "77777777777", "\u0080", "\u00ff".repeat(12), "-1", " 7 ", "9", ""];
/** A pax record of up to 99 bytes. */
function record(text: string): string {
  const bytes = Buffer.byteLength(text) + 2;
  return `${bytes + (bytes + 1 < 10 ? 1 : 2)} ${text}\n`;
}

const RECORDS = [
  ...[
    "path=ok",
    "path=/absolute",
    "path=../up",
    "path=a\0b",
    "linkpath=elsewhere",
    "comment=c",
    "=no",
  ],
  ...["size=700", "size=700", "size=1e999", "size=99999999999999999", "GNU.sparse.major=1"],
  ...["mtime=1.5", "mtime=-1.25", "mtime=now", "mtime=999999999999999999"],
].map(record);
const BROKEN_RECORDS = ["0 a=b\n", "99999 a=b\n", "9 comment\n", "7 a=bc"];

/** A header with another type, size, name or anything, and the checksum that it then has. */
function changed(head: TarHead, chance: Chance): Uint8Array {
  const whole = tarHeader(head);
  const block = whole.subarray(whole.length - TAR_BLOCK_BYTES);
  const write = ([from, length]: readonly [number, number], text: string): void => {
    block.fill(0, from, from + length);
    block.set(Buffer.from(text, "latin1").subarray(0, length), from);
  };
  const kind = chance.whole(0, 5);
  if (kind === 0) write(TAR_FIELDS.type, chance.pick(TYPES));
  if (kind === 1) write(TAR_FIELDS.size, chance.pick(SIZES));
  if (kind === 2) write(TAR_FIELDS.name, mutateText("a/../b/./c", chance));
  if (kind === 3) write(TAR_FIELDS.prefix, chance.pick(["p", "/p", "..", "\u00ff"]));
  if (kind === 4) write(TAR_FIELDS.name, chance.pick(["./", "folder/", "/abs", "\u00fe", "a\\b"]));
  if (kind === 5) block[chance.whole(0, TAR_BLOCK_BYTES - 1)] = chance.whole(0, 255);
  write(TAR_FIELDS.checksum, `${checksumOf(block).toString(8).padStart(6, "0")}\0 `);
  return whole;
}

/** An extended header of a type with this content. */
function extended(type: string, content: Uint8Array): Uint8Array {
  const whole = tarHeader({ kind: "file", path: "x", bytes: content.length, ...ATTRIBUTES });
  // The writer itself puts an extended header before one whose time has a fraction.
  const head = whole.subarray(whole.length - TAR_BLOCK_BYTES);
  head[TAR_FIELDS.type[0]] = type.charCodeAt(0);
  const [from] = TAR_FIELDS.checksum;
  head.set(Buffer.from(`${checksumOf(head).toString(8).padStart(6, "0")}\0 `), from);
  return concatBytes([head, content, tarPadding(content.length)]);
}

function before(chance: Chance): Uint8Array {
  const second = chance.hits(0.1) ? chance.pick(BROKEN_RECORDS) : chance.pick(["", ...RECORDS]);
  const records = `${chance.pick(RECORDS)}${second}`;
  const text = chance.hits(0.15) ? mutateText(records, chance) : records;
  const content = chance.hits(0.1) ? Uint8Array.of(0xff, 0xfe) : Buffer.from(text);
  const type = chance.pick([..."xxgLK"]);
  const times = chance.hits(0.05) ? 20 : 1;
  return concatBytes(Array.from({ length: times }, () => extended(type, content)));
}

function archive(chance: Chance): Uint8Array {
  const members = Array.from({ length: chance.whole(1, 4) }, () => {
    const head = chance.pick(MEMBERS);
    const content = new Uint8Array(head.kind === "file" ? head.bytes : 0).fill(7);
    return concatBytes([
      chance.hits(0.2) ? before(chance) : new Uint8Array(),
      chance.hits(0.3) ? changed(head, chance) : tarHeader(head),
      content,
      tarPadding(content.length),
    ]);
  });
  const end = chance.pick([TAR_END, TAR_END, TAR_END, TAR_END.subarray(512), new Uint8Array(4096)]);
  return concatBytes([...members, end]);
}

async function* inThree(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const part = Math.ceil(bytes.length / 3);
  for (let at = 0; at < bytes.length; at += part) yield bytes.subarray(at, at + part);
}

async function take(bytes: Uint8Array): Promise<Reach> {
  try {
    for await (const entry of readTar(inThree(bytes))) {
      const names = entry.path.split("/");
      if (entry.path.startsWith("/") || names.includes("..")) throw new Error("a path leads out");
      if (entry.kind !== "file" || entry.bytes % 2 === 1) continue;
      let read = 0;
      for await (const piece of entry.content) read += piece.length;
      if (read !== entry.bytes) throw new Error("content of another size than was said");
    }
    return "accepted";
  } catch (error) {
    if (!isJobxError(error) || !error.code.startsWith("API_TAR_")) throw error;
    return error.code === "API_TAR_INVALID" ? "cut" : "refused";
  }
}

const tarTarget: Target = {
  name: "tar",
  reads: ["tar-reader", "tar-header", "byte-source"].map((name) => `api/tar/${name}.ts`),
  cost: 2,
  make: (chance) => (chance.hits(0.85) ? archive(chance) : mutateBytes(archive(chance), chance)),
  take,
};

export const tarTargets: readonly Target[] = [tarTarget];
