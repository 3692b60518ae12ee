/** Files of LevelDB that are checked before LevelDB reads them: tables, with their indexes, and manifests. */
import { CRC32C_EMPTY, crc32c } from "../../../src/std/crc32c.ts";
import { maskedCrc } from "../../../src/store/level-crc.ts";
import { tablesOf } from "../../../src/store/level-manifest.ts";
import { tableDamage } from "../../../src/store/level-table.ts";
import { unsnap } from "../../../src/store/unsnap.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes, randomBytes } from "../mutate-bytes.ts";
import type { Target } from "../target.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function littleEndian(value: number, length: 2 | 4): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  if (length === 2) view.setUint16(0, value, true);
  else view.setUint32(0, value, true);
  return bytes;
}

const withLength = (bytes: Uint8Array): Uint8Array => joined([varint(bytes.length), bytes]);

/** The same bytes as snappy writes them: literals, and where one repeats itself a copy. */
function snapped(bytes: Uint8Array, chance: Chance): Uint8Array {
  const parts: Uint8Array[] = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; ) {
    const back = chance.whole(1, Math.max(1, at));
    let count = 0;
    while (
      count < 64 &&
      at + count < bytes.length &&
      bytes[at + count] === bytes[at + count - back]
    )
      count += 1;
    if (at > 0 && count >= 4) {
      const kind = count < 12 && back < 2048 ? 1 : chance.pick([2, 3]);
      if (kind === 1)
        parts.push(Uint8Array.of(((back >> 8) << 5) | ((count - 4) << 2) | 1, back & 255));
      else
        parts.push(
          Uint8Array.of(((count - 1) << 2) | kind),
          littleEndian(back, kind === 2 ? 2 : 4),
        );
      at += count;
      continue;
    }
    const literal = bytes.subarray(at, at + chance.whole(1, 80));
    const length = literal.length - 1;
    parts.push(length < 60 ? Uint8Array.of(length << 2) : Uint8Array.of(60 << 2, length), literal);
    at += literal.length;
  }
  return joined(parts);
}

const snappyTarget: Target = {
  name: "snappy",
  reads: ["store/unsnap.ts"],
  make(chance) {
    const words = Array.from({ length: chance.whole(0, 30) }, () =>
      chance.pick(["row/", "a", "abcabc"]),
    );
    const input = snapped(text(words.join("")), chance);
    return chance.hits(0.1) ? input : mutateBytes(input, chance);
  },
  take: (bytes) => (unsnap(bytes) === undefined ? "refused" : "accepted"),
};

/** A record of a log of LevelDB with its checksum. */
function logRecord(kind: number, content: Uint8Array): Uint8Array {
  const summed = joined([Uint8Array.of(kind), content]);
  const sum = maskedCrc(crc32c(CRC32C_EMPTY, summed, 0, summed.length));
  return joined([littleEndian(sum >>> 0, 4), littleEndian(content.length, 2), summed]);
}

function edit(chance: Chance): Uint8Array {
  const number = (): Uint8Array => varint(chance.whole(0, 300));
  const key = (): Uint8Array => withLength(randomBytes(chance, 8));
  const fields: readonly (() => readonly Uint8Array[])[] = [
    () => [varint(1), withLength(text("leveldb.BytewiseComparator"))],
    () => [varint(chance.pick([2, 3, 4, 9])), number()],
    () => [varint(5), number(), key()],
    () => [varint(6), number(), number()],
    () => [varint(7), number(), number(), number(), key(), key()],
  ];
  return joined(Array.from({ length: chance.whole(1, 5) }, () => chance.pick(fields)()).flat());
}

const manifestTarget: Target = {
  name: "leveldb-manifest",
  reads: ["store/level-manifest.ts", "store/level-cursor.ts"],
  make(chance) {
    const records = Array.from({ length: chance.whole(1, 6) }, () => {
      const content = chance.hits(0.5) ? edit(chance) : mutateBytes(edit(chance), chance);
      if (chance.hits(0.1)) return logRecord(chance.whole(0, 5), content.subarray(0, 65_535));
      if (chance.hits(0.7)) return logRecord(1, content.subarray(0, 30_000));
      const cut = chance.whole(0, content.length);
      const middle = chance.hits(0.5) ? [logRecord(3, new Uint8Array(0))] : [];
      const parts = [content.subarray(0, cut), content.subarray(cut, 30_000)] as const;
      return joined([logRecord(2, parts[0]), ...middle, logRecord(4, parts[1])]);
    });
    if (chance.hits(0.02))
      records.unshift(logRecord(1, new Uint8Array(32_768 - 7 - chance.whole(0, 12))));
    const manifest = joined(records);
    return chance.hits(0.8) ? manifest : mutateBytes(manifest, chance);
  },
  take: (bytes) => (tablesOf(bytes) === undefined ? "cut" : "accepted"),
};

/** A block with its trailer, and the handle that says where it is. */
class TableMaker {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** @returns its handle */
  block(content: Uint8Array): Uint8Array {
    const compression = this.#chance.hits(0.02)
      ? this.#chance.whole(2, 255)
      : this.#chance.whole(0, 1);
    const stored = compression === 1 ? snapped(content, this.#chance) : content;
    const summed = joined([stored, Uint8Array.of(compression)]);
    const sum = maskedCrc(crc32c(CRC32C_EMPTY, summed, 0, summed.length));
    this.#parts.push(summed, littleEndian(sum >>> 0, 4));
    const handle = joined([varint(this.#bytes), varint(stored.length)]);
    this.#bytes += summed.length + 4;
    return handle;
  }

  /** The whole table. */
  end(handles: readonly Uint8Array[]): Uint8Array {
    const footer = new Uint8Array(48);
    footer.set(joined(handles).subarray(0, 40));
    footer.set([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb], 40);
    return joined([...this.#parts, footer]);
  }
}

function indexOf(handles: readonly Uint8Array[]): Uint8Array {
  const entries = handles.flatMap((handle, at) => {
    const key = text(`key${at}`);
    return [varint(0), varint(key.length), varint(handle.length), key, handle];
  });
  return joined([...entries, littleEndian(0, 4), littleEndian(1, 4)]);
}

const tableTarget: Target = {
  name: "leveldb-table",
  reads: ["store/level-table.ts", "store/level-cursor.ts"],
  make(chance) {
    const table = new TableMaker(chance);
    const worse = (bytes: Uint8Array): Uint8Array => {
      return chance.hits(0.25) ? mutateBytes(bytes, chance).subarray(0, 60_000) : bytes;
    };
    const data = Array.from({ length: chance.whole(0, 4) }, () => table.block(randomBytes(chance)));
    const meta = table.block(worse(indexOf(data.slice(0, 1))));
    const index = table.block(worse(indexOf(data.map(worse))));
    const whole = table.end([meta, index].map(worse));
    return chance.hits(0.8) ? whole : mutateBytes(whole, chance);
  },
  take(bytes) {
    const damage = tableDamage(bytes);
    if (damage === undefined) return "accepted";
    return damage.includes("its end") || damage.includes("short") ? "cut" : "refused";
  },
};

export const levelTargets: readonly Target[] = [snappyTarget, manifestTarget, tableTarget];
